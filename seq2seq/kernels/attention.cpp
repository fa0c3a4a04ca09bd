// Dot-product attention (Luong et al., 2015, equation 8), where several rows may attend to one sentence.

#include <cmath>

#include "vectors.h"

namespace {

float dot_product(const float *a, const float *b, int64_t size) {
    Floats sums[4] = {};
    int64_t k = 0;
    for (; k + 4 * LANES <= size; k += 4 * LANES)
        for (int v = 0; v < 4; v++)
            sums[v] = fma(load<Floats>(a + k + v * LANES), load<Floats>(b + k + v * LANES), sums[v]);
    float total = sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; k < size; k++) total += a[k] * b[k];
    return total;
}

// The sum of the values of one sentence, weighted.
void weighted_sum(const float *weights, const bool *mask, const float *values, int64_t length, int64_t size,
                  float *context) {
    int64_t k = 0;
    for (; k + 4 * LANES <= size; k += 4 * LANES) {
        Floats sums[4] = {};
        for (int64_t t = 0; t < length; t++)
            for (int v = 0; v < 4 && mask[t]; v++)  // a weight of 0 does not suffice: 0 times NaN is NaN
                sums[v] = fma(Floats{} + weights[t], load<Floats>(values + t * size + k + v * LANES), sums[v]);
        for (int v = 0; v < 4; v++) store(context + k + v * LANES, sums[v]);
    }
    for (; k < size; k++) {
        context[k] = 0;
        for (int64_t t = 0; t < length; t++)
            if (mask[t]) context[k] += weights[t] * values[t * size + k];
    }
}

}  // namespace

extern "C" {

// Each row's weights softmax(q keys) and context, over the unmasked positions of its sentence; keys, values and mask
// are [sentences, length, ...]. Zeros where all positions are masked. Returns the first row whose sentence index is out
// of range, before anything is read, or -1.
int64_t attend(int64_t rows, const float *queries, const int64_t *sentences, int64_t count, int64_t length,
               const float *keys, int64_t key_size, const float *values, int64_t value_size, const bool *mask,
               float *contexts, float *weights, int threads) {
    for (int64_t row = 0; row < rows; row++)
        if (sentences[row] < 0 || sentences[row] >= count) return row;
    bool parallel = rows * length * (key_size + value_size) > MIN_PARALLEL_VALUES;
#pragma omp parallel for schedule(static) num_threads(threads) if (parallel)
    for (int64_t row = 0; row < rows; row++) {
        int64_t first = sentences[row] * length;
        float *weight = weights + row * length, maximum = -INFINITY, total = 0;
        bool any_unmasked = false;
        for (int64_t t = 0; t < length; t++) {
            const float *query = queries + row * key_size, *key = keys + (first + t) * key_size;
            any_unmasked = any_unmasked || mask[first + t];
            weight[t] = mask[first + t] ? dot_product(query, key, key_size) : -INFINITY;
            maximum = weight[t] > maximum ? weight[t] : maximum;
        }
        for (int64_t t = 0; t < length; t++) total += weight[t] = std::exp(weight[t] - maximum);
        for (int64_t t = 0; t < length; t++) weight[t] = any_unmasked ? weight[t] / total : 0;
        float *context = contexts + row * value_size;
        weighted_sum(weight, mask + first, values + first * value_size, length, value_size, context);
    }
    return -1;
}
}
