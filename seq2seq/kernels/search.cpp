// Top-k log-probabilities.

#include <algorithm>
#include <cmath>

#include "vectors.h"

namespace {

// log sum exp x.
float log_sum_exp(const float *x, int64_t size) {
    Floats largest = Floats{} - INFINITY, sums = {};
    int64_t vector_end = size - size % LANES, i;
    for (i = 0; i < vector_end; i += LANES) largest = load<Floats>(x + i) > largest ? load<Floats>(x + i) : largest;
    float maximum = -INFINITY, tail_sum = 0;
    for (int lane = 0; lane < LANES; lane++) maximum = std::max(maximum, largest[lane]);
    for (i = vector_end; i < size; i++) maximum = std::max(maximum, x[i]);
    for (i = 0; i < vector_end; i += LANES) sums += exponential(load<Floats>(x + i) - maximum);
    for (i = vector_end; i < size; i++) tail_sum += std::exp(x[i] - maximum);
    return maximum + std::log(sum(sums) + tail_sum);
}

}  // namespace

extern "C" {

// Each row's `count` largest log-probabilities, in descending order, and their tokens, without those whose bit is set
// in `excluded`. Where there are fewer, -inf and the token `padding`; where a logit is NaN, NaN.
void topk_log_probabilities(int64_t rows, int64_t size, const float *logits, uint64_t excluded, int64_t padding,
                            int64_t count, float *scores, int64_t *tokens, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (rows * size > MIN_PARALLEL_VALUES)
    for (int64_t row = 0; row < rows; row++) {
        const float *x = logits + row * size;
        float *best = scores + row * count;
        int64_t *best_tokens = tokens + row * count;
        std::fill(best, best + count, -INFINITY);
        std::fill(best_tokens, best_tokens + count, padding);
        for (int64_t i = 0; i < size; i += LANES) {
            if (i + LANES <= size && !any_above(load<Floats>(x + i), Floats{} + best[count - 1])) continue;
            for (int64_t token = i; token < std::min(i + LANES, size); token++) {
                if (!(x[token] > best[count - 1]) || (token < 64 && excluded >> token & 1)) continue;
                int64_t rank = count - 1;
                for (; rank > 0 && x[token] > best[rank - 1]; rank--)
                    best[rank] = best[rank - 1], best_tokens[rank] = best_tokens[rank - 1];
                best[rank] = x[token], best_tokens[rank] = token;
            }
        }
        float normalizer = log_sum_exp(x, size);
        for (int64_t i = 0; i < count; i++) best[i] -= normalizer;
    }
}
}
