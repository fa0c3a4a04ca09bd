// Products of whole numbers of 8 bits.
//
// Weights stand in blocks of 64 outputs, in a block by fours of inputs, [block][input / 4][64][4], and 128 is added to
// them, since the processor's product takes one factor without a sign. What is computed for a row depends on it alone.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <memory>

#include "vectors.h"

#if defined(__AVX512VNNI__)
constexpr int ROWS = 6, VECTORS = 4;  // as many sums at once as there are registers for
#else
constexpr int ROWS = 4, VECTORS = 2;
#endif

constexpr int BLOCK = 64;
constexpr int64_t MANY = 1 << 24;  // products, below which threads cost more than they save

struct Product {  // W x + b
    int64_t inputs, outputs;
    const uint8_t *weight;
    const float *scale;  // of each output, as many as fill the blocks
    const float *bias;   // likewise
};

namespace {

// What each lane had, and its four products, of which the weights have no sign.
Ints dot(Ints sum, Ints weight, Ints x) {
#if defined(__AVX512VNNI__)
    return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)weight, (__m512i)x);
#else
    __m256i w = (__m256i)weight, s = (__m256i)x;
    __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(s, 8), 8), odd = _mm256_srai_epi16(s, 8);
    even = _mm256_madd_epi16(_mm256_and_si256(w, _mm256_set1_epi16(255)), even);
    odd = _mm256_madd_epi16(_mm256_srli_epi16(w, 8), odd);
    return sum + (Ints)even + (Ints)odd;
#endif
}

// As few groups of rows as there can be, all of about one size.
int64_t group(int64_t rows) {
    int64_t groups = (rows + ROWS - 1) / ROWS;
    return groups ? (rows + groups - 1) / groups : ROWS;
}

// Rows in whole numbers from -127 to 127, each with its scale and its sum.
class Rounded {
  public:
    int64_t stride;
    std::unique_ptr<int8_t[]> values;
    std::unique_ptr<float[]> scale;
    std::unique_ptr<int32_t[]> sum;

    Rounded(const float *x, int64_t rows, int64_t size)
        : stride((size + 3) / 4 * 4),
          values(new int8_t[rows * stride]),
          scale(new float[rows]),
          sum(new int32_t[rows]) {
        for (int64_t r = 0; r < rows; r++) {
            round(x + r * size, size, values.get() + r * stride, scale[r], sum[r]);
            memset(values.get() + r * stride + size, 0, stride - size);
        }
    }

    static void round(const float *x, int64_t size, int8_t *to, float &scale, int32_t &sum) {
        typedef int8_t Bytes __attribute__((vector_size(LANES)));
        int64_t whole = size - size % LANES, i;
        Ints bits = {};  // positive floats are ordered as their bits are, and what is not finite comes last
        for (i = 0; i < whole; i += LANES) {
            Ints some = load<Ints>(x + i) & 0x7fffffff;
            bits = some > bits ? some : bits;
        }
        int32_t largest = 0;
        for (int lane = 0; lane < LANES; lane++) largest = std::max<int32_t>(largest, bits[lane]);
        for (i = whole; i < size; i++) largest = std::max<int32_t>(largest, load<int32_t>(x + i) & 0x7fffffff);
        float most = load<float>(&largest);
        sum = 0;
        if (!(most <= FLT_MAX)) {  // it makes the whole row NaN
            scale = NAN;
            memset(to, 0, size);
            return;
        }
        most = std::max(most, 1e-30f);
        scale = most / 127.0f;
        const float steps = 127.0f / most, nearest = 12582912.0f;  // added, it leaves no digits behind the point
        Ints sums = {};
        for (i = 0; i < whole; i += LANES) {
            Ints values = __builtin_convertvector((load<Floats>(x + i) * steps + nearest) - nearest, Ints);
            store(to + i, __builtin_convertvector(values, Bytes));
            sums += values;
        }
        for (i = whole; i < size; i++) sum += to[i] = (int8_t)((x[i] * steps + nearest) - nearest);
        sum += ::sum(sums);
    }
};

// Sums of products of R rows with the outputs of VECTORS vectors.
template <int R>
__attribute__((noinline)) void multiply(const int8_t *x, int64_t stride, const uint8_t *weight, int64_t fours,
                                        Ints (&to)[R][VECTORS]) {
    Ints sums[R][VECTORS] = {};
    for (int64_t i = 0; i < fours; i++, weight += 4 * BLOCK) {
        Ints w[VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; v++) w[v] = load<Ints>(weight + v * sizeof(Ints));
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            Ints four = Ints{} + load<int32_t>(x + r * stride + 4 * i);
#pragma GCC unroll 4
            for (int v = 0; v < VECTORS; v++) sums[r][v] = dot(sums[r][v], w[v], four);
        }
    }
    memcpy(to, sums, sizeof sums);
}

// A block's outputs for up to R rows, put to `to`, or added to what is there.
template <int R>
void block_of(const Product &product, int64_t block, const Rounded &x, int64_t first, int64_t rows, float *to,
              bool add) {
    if constexpr (R > 1)
        if (rows < R) return block_of<R - 1>(product, block, x, first, rows, to, add);
    int64_t fours = (product.inputs + 3) / 4;
    const int8_t *values = x.values.get() + first * x.stride;
    for (int part = 0; part < BLOCK; part += VECTORS * LANES) {
        Ints sums[R][VECTORS];
        multiply<R>(values, x.stride, product.weight + (block * fours * BLOCK + part) * 4, fours, sums);
        for (int r = 0; r < R; r++)
            for (int v = 0; v < VECTORS; v++) {
                int64_t output = block * BLOCK + part + v * LANES;
                float *place = to + r * BLOCK + part + v * LANES;
                Floats y = __builtin_convertvector(sums[r][v] - 128 * x.sum[first + r], Floats);
                y = y * load<Floats>(product.scale + output) * x.scale[first + r] + load<Floats>(product.bias + output);
                store(place, add ? load<Floats>(place) + y : y);
            }
    }
}

}  // namespace
