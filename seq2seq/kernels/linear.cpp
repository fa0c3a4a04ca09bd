// Linear layers with int8 weights: all outputs, or those selected for each row.

#include "products.h"

constexpr int64_t CHUNK_ROWS = 192;       // rows that stay in the cache while all weights are read
constexpr int64_t PREFETCH_OUTPUTS = 4;   // outputs whose weights are prefetched
constexpr int32_t SHIFT = 0x80808080;     // adds 128 to each byte, so that a signed one becomes unsigned

namespace {

// Whether all indices are at least `low` and below `end`.
bool in_range(const int64_t *indices, int64_t count, int64_t low, int64_t end) {
    bool outside = false;
    for (int64_t i = 0; i < count; i++) outside |= indices[i] < low || indices[i] >= end;
    return !outside;
}

// Computes the selected outputs for R rows at once.
template <int R>
void select_outputs(const QuantizedRows &x, int64_t first, int64_t rows, int64_t size, const int8_t *weight,
                    const float *scale, const float *bias, int64_t count, const int64_t *ids, float *y) {
    if constexpr (R > 1)
        if (rows < R) return select_outputs<R - 1>(x, first, rows, size, weight, scale, bias, count, ids, y);
    constexpr int64_t BYTES = 4 * LANES;  // in a vector
    const int8_t *values = x.values.get() + first * x.stride;
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] < 0) {
            for (int r = 0; r < R; r++) y[r * count + i] = -INFINITY;
            continue;
        }
        const int8_t *w = weight + ids[i] * size;
        if (i + PREFETCH_OUTPUTS < count && ids[i + PREFETCH_OUTPUTS] >= 0)
            for (int64_t k = 0; k < size; k += 64) __builtin_prefetch(weight + ids[i + PREFETCH_OUTPUTS] * size + k);
        Ints sums[R] = {}, shift = {};
        int64_t k = 0;
        for (; k + BYTES <= size; k += BYTES) {
            Ints weights = load<Ints>(w + k);
            shift = dot4(shift, Ints{} + SHIFT, weights);
#pragma GCC unroll 8
            for (int r = 0; r < R; r++)
                sums[r] = dot4(sums[r], load<Ints>(values + r * x.stride + k) ^ SHIFT, weights);
        }
        for (int r = 0; r < R; r++) {
            int32_t total = sum(sums[r] - shift);
            for (int64_t i = k; i < size; i++) total += (int32_t)w[i] * (int32_t)values[r * x.stride + i];
            y[r * count + i] = (float)total * scale[ids[i]] * x.scale[first + r] + (bias ? bias[ids[i]] : 0.0f);
        }
    }
}

}  // namespace

extern "C" {

// y = W x + b for each row.
void int8_linear(const PackedLinear *linear, int64_t rows, const float *x, float *y, int threads) {
    int64_t blocks = (linear->outputs + BLOCK_OUTPUTS - 1) / BLOCK_OUTPUTS;
    QuantizedRows quantized(x, rows, linear->inputs);
    for (int64_t start = 0; start < rows; start += CHUNK_ROWS) {
        int64_t stop = start + CHUNK_ROWS < rows ? start + CHUNK_ROWS : rows, step = rows_per_tile(stop - start);
        bool parallel = (stop - start) * linear->inputs * linear->outputs > MIN_PARALLEL_PRODUCTS;
#pragma omp parallel for schedule(static) num_threads(threads) if (parallel)
        for (int64_t block = 0; block < blocks; block++) {
            alignas(64) float tile[TILE_ROWS * BLOCK_OUTPUTS];
            int64_t first = block * BLOCK_OUTPUTS, width = std::min<int64_t>(BLOCK_OUTPUTS, linear->outputs - first);
            for (int64_t row = start; row < stop; row += step) {
                int64_t tile_rows = stop - row < step ? stop - row : step;
                linear_block<TILE_ROWS>(*linear, block, quantized, row, tile_rows, tile, false);
                for (int64_t r = 0; r < tile_rows; r++)
                    memcpy(y + (row + r) * linear->outputs + first, tile + r * BLOCK_OUTPUTS, width * sizeof(float));
            }
        }
    }
}

// W x + b for the `count` outputs `ids[sentence]` of each row only, -inf where an id is -1. Rows of one sentence are
// adjacent. W is not packed: row by row, signed. Returns 1 for a sentence index and 2 for an id out of range, before
// anything is read, or 0.
int64_t int8_linear_selected(int64_t size, int64_t outputs, const int8_t *weight, const float *scale,
                             const float *bias, int64_t rows, const float *x, const int64_t *sentences,
                             int64_t num_sentences, int64_t count, const int64_t *ids, float *y, int threads) {
    if (!in_range(sentences, rows, 0, num_sentences)) return 1;
    if (!in_range(ids, num_sentences * count, -1, outputs)) return 2;
    QuantizedRows quantized(x, rows, size);
#pragma omp parallel for schedule(static) num_threads(threads) if (rows * count * size > MIN_PARALLEL_PRODUCTS)
    for (int64_t thread = 0; thread < threads; thread++) {  // each takes an equal share of adjacent rows
        int64_t row = rows * thread / threads, stop = rows * (thread + 1) / threads, tile_rows;
        for (; row < stop; row += tile_rows) {
            tile_rows = 1;
            while (tile_rows < TILE_ROWS && row + tile_rows < stop && sentences[row + tile_rows] == sentences[row])
                tile_rows++;
            const int64_t *selected = ids + sentences[row] * count;
            select_outputs<TILE_ROWS>(quantized, row, tile_rows, size, weight, scale, bias, count, selected,
                                      y + row * count);
        }
    }
    return 0;
}
}
