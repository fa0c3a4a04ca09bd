// Matrix products in int8.
//
// Weights are packed as [block of 64 outputs][input / 4][64][4], with 128 added to them, since the processor's dot
// product takes one unsigned factor. The result of a row does not depend on the other rows.

#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <memory>

#include "vectors.h"

#if defined(__AVX512VNNI__)
constexpr int TILE_ROWS = 6, TILE_VECTORS = 4;  // as many sums at once as there are registers for
#else
constexpr int TILE_ROWS = 4, TILE_VECTORS = 2;
#endif

constexpr int BLOCK_OUTPUTS = 64;
constexpr int64_t MIN_PARALLEL_PRODUCTS = 1 << 24;  // below which threads cost more than they save

struct PackedLinear {  // W x + b
    int64_t inputs, outputs;
    const uint8_t *weight;
    const float *scale;  // of each output, padded to whole blocks
    const float *bias;   // likewise
};

namespace {

// Adds to each lane the sum of its four products of an unsigned and a signed byte.
Ints dot4(Ints sum, Ints weight, Ints x) {
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

// The number of rows in a tile, for as few tiles as possible, all of about the same size.
int64_t rows_per_tile(int64_t rows) {
    int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
    return tiles ? (rows + tiles - 1) / tiles : TILE_ROWS;
}

// Rows quantized to -127 ... 127, each with its scale and the sum of its integers.
class QuantizedRows {
  public:
    int64_t stride;
    std::unique_ptr<int8_t[]> values;
    std::unique_ptr<float[]> scale;
    std::unique_ptr<int32_t[]> sum;

    QuantizedRows(const float *x, int64_t rows, int64_t size)
        : stride((size + 3) / 4 * 4),
          values(new int8_t[rows * stride]),
          scale(new float[rows]),
          sum(new int32_t[rows]) {
        for (int64_t r = 0; r < rows; r++) {
            quantize(x + r * size, size, values.get() + r * stride, scale[r], sum[r]);
            memset(values.get() + r * stride + size, 0, stride - size);
        }
    }

    static void quantize(const float *x, int64_t size, int8_t *quantized, float &scale, int32_t &sum) {
        typedef int8_t Bytes __attribute__((vector_size(LANES)));
        int64_t vector_end = size - size % LANES, i;
        Ints bits = {};  // absolute values are ordered as their bits are, with infinity and NaN last
        for (i = 0; i < vector_end; i += LANES) {
            Ints absolute = load<Ints>(x + i) & 0x7fffffff;
            bits = absolute > bits ? absolute : bits;
        }
        int32_t largest_bits = 0;
        for (int lane = 0; lane < LANES; lane++) largest_bits = std::max<int32_t>(largest_bits, bits[lane]);
        for (i = vector_end; i < size; i++)
            largest_bits = std::max<int32_t>(largest_bits, load<int32_t>(x + i) & 0x7fffffff);
        float largest = load<float>(&largest_bits);
        sum = 0;
        if (!(largest <= FLT_MAX)) {  // infinity or NaN makes the whole row NaN
            scale = NAN;
            memset(quantized, 0, size);
            return;
        }
        largest = std::max(largest, 1e-30f);
        scale = largest / 127.0f;
        const float inverse_scale = 127.0f / largest, magic = 12582912.0f;  // adding it rounds to the nearest integer
        Ints sums = {};
        for (i = 0; i < vector_end; i += LANES) {
            Ints values = __builtin_convertvector((load<Floats>(x + i) * inverse_scale + magic) - magic, Ints);
            store(quantized + i, __builtin_convertvector(values, Bytes));
            sums += values;
        }
        for (i = vector_end; i < size; i++) sum += quantized[i] = (int8_t)((x[i] * inverse_scale + magic) - magic);
        sum += ::sum(sums);
    }
};

// Integer dot products of R rows with the outputs of TILE_VECTORS vectors.
template <int R>
__attribute__((noinline)) void multiply(const int8_t *x, int64_t stride, const uint8_t *weight, int64_t input_groups,
                                        Ints (&result)[R][TILE_VECTORS]) {
    Ints sums[R][TILE_VECTORS] = {};
    for (int64_t i = 0; i < input_groups; i++, weight += 4 * BLOCK_OUTPUTS) {
        Ints w[TILE_VECTORS];
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECTORS; v++) w[v] = load<Ints>(weight + v * sizeof(Ints));
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            Ints inputs = Ints{} + load<int32_t>(x + r * stride + 4 * i);
#pragma GCC unroll 4
            for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = dot4(sums[r][v], w[v], inputs);
        }
    }
    memcpy(result, sums, sizeof sums);
}

// Computes a block of outputs for up to R rows and stores it in `y`, or adds it to `y`.
template <int R>
void linear_block(const PackedLinear &linear, int64_t block, const QuantizedRows &x, int64_t first, int64_t rows,
                  float *y, bool add) {
    if constexpr (R > 1)
        if (rows < R) return linear_block<R - 1>(linear, block, x, first, rows, y, add);
    int64_t input_groups = (linear.inputs + 3) / 4;
    const int8_t *values = x.values.get() + first * x.stride;
    for (int column = 0; column < BLOCK_OUTPUTS; column += TILE_VECTORS * LANES) {
        Ints sums[R][TILE_VECTORS];
        const uint8_t *weight = linear.weight + (block * input_groups * BLOCK_OUTPUTS + column) * 4;
        multiply<R>(values, x.stride, weight, input_groups, sums);
        for (int r = 0; r < R; r++)
            for (int v = 0; v < TILE_VECTORS; v++) {
                int64_t output = block * BLOCK_OUTPUTS + column + v * LANES;
                float *target = y + r * BLOCK_OUTPUTS + column + v * LANES;
                Floats out = __builtin_convertvector(sums[r][v] - 128 * x.sum[first + r], Floats);
                out = out * load<Floats>(linear.scale + output) * x.scale[first + r] +
                      load<Floats>(linear.bias + output);
                store(target, add ? load<Floats>(target) + out : out);
            }
    }
}

}  // namespace
