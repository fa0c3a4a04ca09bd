// The likeliest next tokens.

#include <algorithm>
#include <cmath>

#include "vectors.h"

namespace {

// The logarithm of the sum of e^x.
float log_sum(const float *x, int64_t size) {
    Floats most = Floats{} - INFINITY, all = {};
    int64_t whole = size - size % LANES, i;
    for (i = 0; i < whole; i += LANES) most = load<Floats>(x + i) > most ? load<Floats>(x + i) : most;
    float top = -INFINITY, rest = 0;
    for (int lane = 0; lane < LANES; lane++) top = std::max(top, most[lane]);
    for (i = whole; i < size; i++) top = std::max(top, x[i]);
    for (i = 0; i < whole; i += LANES) all += exponential(load<Floats>(x + i) - top);
    for (i = whole; i < size; i++) rest += std::exp(x[i] - top);
    return top + std::log(sum(all) + rest);
}

}  // namespace

extern "C" {

// Each row's `count` largest log-probabilities, largest first, and their tokens, without those whose bit is set in
// `excluded`. Where there are fewer, -inf and the token `none`; where a logit is NaN, NaN.
void likeliest(int64_t rows, int64_t size, const float *logits, uint64_t excluded, int64_t none, int64_t count,
               float *scores, int64_t *tokens, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (rows * size > WORTH)
    for (int64_t row = 0; row < rows; row++) {
        const float *x = logits + row * size;
        float *best = scores + row * count;
        int64_t *which = tokens + row * count;
        std::fill(best, best + count, -INFINITY);
        std::fill(which, which + count, none);
        for (int64_t i = 0; i < size; i += LANES) {
            if (i + LANES <= size && !any_above(load<Floats>(x + i), Floats{} + best[count - 1])) continue;
            for (int64_t token = i; token < std::min(i + LANES, size); token++) {
                if (!(x[token] > best[count - 1]) || (token < 64 && excluded >> token & 1)) continue;
                int64_t place = count - 1;
                for (; place > 0 && x[token] > best[place - 1]; place--)
                    best[place] = best[place - 1], which[place] = which[place - 1];
                best[place] = x[token], which[place] = token;
            }
        }
        float level = log_sum(x, size);
        for (int64_t i = 0; i < count; i++) best[i] -= level;
    }
}
}
