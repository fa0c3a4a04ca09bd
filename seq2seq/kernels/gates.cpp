// LSTM and GRU with weights of 8 bits: the products of a few units' gates, and at once these units' next state.

#include "products.h"

constexpr int UNITS = BLOCK / 4;

struct Gates {  // each block holds the four gates of 16 units
    int64_t units;
    Product outer, inner;
};

namespace {

// What a block holds of a row, of which the last block has less.
void copy(float *to, const float *from, int64_t count) {
    if (count >= UNITS)
        memcpy(to, from, UNITS * sizeof(float));
    else
        memcpy(to, from, count * sizeof(float));
}

// The logistic function of x times tanh y, with one division for both.
Floats gated(Floats x, Floats y) {
    Floats shut = exponential(-x), fallen = exponential(-(y + y));
    return (1.0f - fallen) / ((1.0f + shut) * (1.0f + fallen));
}

// The next cell and hidden state of 16 units (Hochreiter and Schmidhuber, 1997); gates stand as i, f, g, o.
void lstm(const float *gates, const float *cell, float *new_cell, float *hidden) {
    for (int u = 0; u < UNITS; u += LANES) {
        Floats i = load<Floats>(gates + u), f = load<Floats>(gates + UNITS + u);
        Floats g = load<Floats>(gates + 2 * UNITS + u), o = load<Floats>(gates + 3 * UNITS + u);
        Floats c = sigmoid(f) * load<Floats>(cell + u) + gated(i, g);
        store(new_cell + u, c);
        store(hidden + u, gated(o, c));
    }
}

// The next state of 16 units (Cho et al., 2014); r, z, what the input and what the state says to the candidate.
void gru(const float *gates, const float *state, float *new_state, float *hidden) {
    for (int u = 0; u < UNITS; u += LANES) {
        Floats r = sigmoid(load<Floats>(gates + u)), z = sigmoid(load<Floats>(gates + UNITS + u));
        Floats n = tanh(load<Floats>(gates + 2 * UNITS + u) + r * load<Floats>(gates + 3 * UNITS + u));
        Floats h = n + z * (load<Floats>(state + u) - n);
        store(new_state + u, h);
        store(hidden + u, h);
    }
}

// Steps of a layer: `kept` is what a cell keeps, which of a GRU is the hidden state itself.
template <void (*Cell)(const float *, const float *, float *, float *)>
void recur(const Gates &layer, int64_t steps, int64_t rows, const float *x, const float *heard, const float *hidden,
           const float *kept, float *new_hidden, float *new_kept, int threads) {
    int64_t units = layer.units, blocks = (units + UNITS - 1) / UNITS, step = group(rows);
    bool worth = rows * 4 * units * (units + (x ? layer.outer.inputs : 0)) > MANY;
    Rounded outer(x, x ? steps * rows : 0, layer.outer.inputs);
    for (int64_t t = 0; t < steps; t++) {
        Rounded inner(hidden, rows, units);
#pragma omp parallel for schedule(static) num_threads(threads) if (worth)
        for (int64_t block = 0; block < blocks; block++) {
            alignas(64) float gates[ROWS * BLOCK] = {}, before[UNITS] = {}, after[UNITS], said[UNITS];
            int64_t first = block * UNITS, rest = units - first;
            for (int64_t row = 0; row < rows; row += step) {
                int64_t some = rows - row < step ? rows - row : step;
                if (x)
                    block_of<ROWS>(layer.outer, block, outer, t * rows + row, some, gates, false);
                else
                    for (int64_t r = 0; r < some; r++)
                        for (int gate = 0; gate < 4; gate++)
                            copy(gates + r * BLOCK + gate * UNITS,
                                 heard + ((t * rows + row + r) * 4 + gate) * units + first, rest);
                block_of<ROWS>(layer.inner, block, inner, row, some, gates, true);
                for (int64_t r = 0; r < some; r++) {
                    int64_t place = (row + r) * units + first;
                    copy(before, kept + place, rest);
                    Cell(gates + r * BLOCK, before, after, said);
                    copy(new_kept + place, after, rest);
                    copy(new_hidden + place, said, rest);
                }
            }
        }
        hidden = new_hidden, kept = new_kept;
        new_hidden += rows * units, new_kept += rows * units;
    }
}

}  // namespace

extern "C" {

// A sequence [steps, rows, ...] by a layer. What the input says to the gates is W x + b, or, where x is null, `heard`.
void int8_lstm(const Gates *layer, int64_t steps, int64_t rows, const float *x, const float *heard, const float *hidden,
               const float *cell, float *new_hidden, float *new_cell, int threads) {
    recur<lstm>(*layer, steps, rows, x, heard, hidden, cell, new_hidden, new_cell, threads);
}

// The same, with twice the same for a hidden state and what is kept.
void int8_gru(const Gates *layer, int64_t steps, int64_t rows, const float *x, const float *heard, const float *hidden,
              const float *kept, float *new_hidden, float *new_kept, int threads) {
    recur<gru>(*layer, steps, rows, x, heard, hidden, kept, new_hidden, new_kept, threads);
}
}
