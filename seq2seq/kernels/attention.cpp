// Attention whose scores are products (Luong et al., 2015, equation 8), for rows that look at their sentences.

#include <cmath>

#include "vectors.h"

namespace {

float product(const float *a, const float *b, int64_t size) {
    Floats sums[4] = {};
    int64_t k = 0;
    for (; k + 4 * LANES <= size; k += 4 * LANES)
        for (int v = 0; v < 4; v++)
            sums[v] = fma(load<Floats>(a + k + v * LANES), load<Floats>(b + k + v * LANES), sums[v]);
    float all = sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    for (; k < size; k++) all += a[k] * b[k];
    return all;
}

void mix(const float *weights, const bool *real, const float *values, int64_t length, int64_t size, float *to) {
    int64_t k = 0;
    for (; k + 4 * LANES <= size; k += 4 * LANES) {
        Floats sums[4] = {};
        for (int64_t t = 0; t < length; t++)
            for (int v = 0; v < 4 && real[t]; v++)  // a weight of 0 does not hide what is not finite
                sums[v] = fma(Floats{} + weights[t], load<Floats>(values + t * size + k + v * LANES), sums[v]);
        for (int v = 0; v < 4; v++) store(to + k + v * LANES, sums[v]);
    }
    for (; k < size; k++) {
        to[k] = 0;
        for (int64_t t = 0; t < length; t++)
            if (real[t]) to[k] += weights[t] * values[t * size + k];
    }
}

}  // namespace

extern "C" {

// Each row's softmax(q keys) and its sum of values, over what is real of its sentence; [sentences, length, ...]. Zeros
// where nothing is. Returns a row whose sentence is not there, before anything is read, or -1.
int64_t attend(int64_t rows, const float *queries, const int64_t *sentences, int64_t count, int64_t length,
               const float *keys, int64_t key_size, const float *values, int64_t value_size, const bool *real,
               float *contexts, float *weights, int threads) {
    for (int64_t row = 0; row < rows; row++)
        if (sentences[row] < 0 || sentences[row] >= count) return row;
#pragma omp parallel for schedule(static) num_threads(threads) if (rows * length * (key_size + value_size) > WORTH)
    for (int64_t row = 0; row < rows; row++) {
        int64_t first = sentences[row] * length;
        float *weight = weights + row * length, most = -INFINITY, all = 0;
        bool any = false;
        for (int64_t t = 0; t < length; t++) {
            const float *query = queries + row * key_size, *key = keys + (first + t) * key_size;
            any = any || real[first + t];
            weight[t] = real[first + t] ? product(query, key, key_size) : -INFINITY;
            most = weight[t] > most ? weight[t] : most;
        }
        for (int64_t t = 0; t < length; t++) all += weight[t] = std::exp(weight[t] - most);
        for (int64_t t = 0; t < length; t++) weight[t] = any ? weight[t] / all : 0;
        mix(weight, real + first, values + first * value_size, length, value_size, contexts + row * value_size);
    }
    return -1;
}
}
