// Linear layers with weights of 8 bits: all outputs, or those chosen for each row.

#include "products.h"

constexpr int64_t CHUNK = 192;  // rows that stay in the cache while all weights pass
constexpr int64_t AHEAD = 4;    // outputs whose weights are asked for before they are needed
constexpr int32_t SHIFT = 0x80808080;  // 128 more in each byte, when they are read without a sign

namespace {

// Whether all are at least `least` and below `end`.
bool within(const int64_t *numbers, int64_t count, int64_t least, int64_t end) {
    bool outside = false;
    for (int64_t i = 0; i < count; i++) outside |= numbers[i] < least || numbers[i] >= end;
    return !outside;
}

// Some outputs for R rows at once.
template <int R>
void pick(const Rounded &x, int64_t first, int64_t rows, int64_t size, const int8_t *weight, const float *scale,
          const float *bias, int64_t count, const int64_t *ids, float *y) {
    if constexpr (R > 1)
        if (rows < R) return pick<R - 1>(x, first, rows, size, weight, scale, bias, count, ids, y);
    constexpr int64_t WIDE = 4 * LANES;
    const int8_t *values = x.values.get() + first * x.stride;
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] < 0) {
            for (int r = 0; r < R; r++) y[r * count + i] = -INFINITY;
            continue;
        }
        const int8_t *w = weight + ids[i] * size;
        if (i + AHEAD < count && ids[i + AHEAD] >= 0)
            for (int64_t k = 0; k < size; k += 64) __builtin_prefetch(weight + ids[i + AHEAD] * size + k);
        Ints sums[R] = {}, shift = {};
        int64_t k = 0;
        for (; k + WIDE <= size; k += WIDE) {
            Ints some = load<Ints>(w + k);
            shift = dot(shift, Ints{} + SHIFT, some);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++)
                sums[r] = dot(sums[r], load<Ints>(values + r * x.stride + k) ^ SHIFT, some);
        }
        for (int r = 0; r < R; r++) {
            int32_t all = sum(sums[r] - shift);
            for (int64_t rest = k; rest < size; rest++) all += (int32_t)w[rest] * (int32_t)values[r * x.stride + rest];
            y[r * count + i] = (float)all * scale[ids[i]] * x.scale[first + r] + (bias ? bias[ids[i]] : 0.0f);
        }
    }
}

}  // namespace

extern "C" {

// Rows in whole numbers, and their scales.
void int8_rows(int64_t rows, int64_t size, const float *x, int8_t *values, float *scale) {
    int32_t sum;
    for (int64_t row = 0; row < rows; row++) Rounded::round(x + row * size, size, values + row * size, scale[row], sum);
}

// y = W x + b for each row.
void int8_linear(const Product *product, int64_t rows, const float *x, float *y, int threads) {
    int64_t blocks = (product->outputs + BLOCK - 1) / BLOCK;
    Rounded rounded(x, rows, product->inputs);
    for (int64_t start = 0; start < rows; start += CHUNK) {
        int64_t stop = start + CHUNK < rows ? start + CHUNK : rows, step = group(stop - start);
        bool worth = (stop - start) * product->inputs * product->outputs > MANY;
#pragma omp parallel for schedule(static) num_threads(threads) if (worth)
        for (int64_t block = 0; block < blocks; block++) {
            alignas(64) float part[ROWS * BLOCK];
            int64_t wide = product->outputs - block * BLOCK < BLOCK ? product->outputs - block * BLOCK : BLOCK;
            for (int64_t row = start; row < stop; row += step) {
                int64_t some = stop - row < step ? stop - row : step;
                block_of<ROWS>(*product, block, rounded, row, some, part, false);
                for (int64_t r = 0; r < some; r++)
                    memcpy(y + (row + r) * product->outputs + block * BLOCK, part + r * BLOCK, wide * sizeof(float));
            }
        }
    }
}

// W x + b for those outputs only that a row's owner may say; -inf for those below 0, of which each owner has `count` in
// all. Rows of one owner stand together. W stands row by row, without a shift. Returns 1 for an owner and 2 for an output
// that is not there, before anything is read, or 0.
int64_t int8_chosen(int64_t size, int64_t outputs, const int8_t *weight, const float *scale, const float *bias,
                    int64_t rows, const float *x, const int64_t *owners, int64_t owned, int64_t count,
                    const int64_t *ids, float *y, int threads) {
    if (!within(owners, rows, 0, owned)) return 1;
    if (!within(ids, owned * count, -1, outputs)) return 2;
    Rounded rounded(x, rows, size);
#pragma omp parallel for schedule(static) num_threads(threads) if (rows * count * size > MANY)
    for (int64_t part = 0; part < threads; part++) {  // a thread takes rows in a row, as far as owners allow
        for (int64_t row = rows * part / threads, stop = rows * (part + 1) / threads, some; row < stop; row += some) {
            for (some = 1; some < ROWS && row + some < stop && owners[row + some] == owners[row];) some++;
            const int64_t *chosen = ids + owners[row] * count;
            pick<ROWS>(rounded, row, some, size, weight, scale, bias, count, chosen, y + row * count);
        }
    }
    return 0;
}
}
