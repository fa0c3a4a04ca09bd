// LSTM and GRU with int8 weights: block by block, the gates of 16 units and then, from the cache, their next state.

#include "products.h"

constexpr int BLOCK_UNITS = BLOCK_OUTPUTS / 4;

struct PackedRNN {  // a block of outputs has the four gates of 16 units
    int64_t units;
    PackedLinear linear_ih, linear_hh;
};

namespace {

// Copies the units of a block, of which the last block has fewer.
void copy_units(float *target, const float *source, int64_t count) {
    if (count >= BLOCK_UNITS)
        memcpy(target, source, BLOCK_UNITS * sizeof(float));
    else
        memcpy(target, source, count * sizeof(float));
}

// sigmoid(x) tanh(y), with one division for both.
Floats sigmoid_tanh(Floats x, Floats y) {
    Floats exp_minus_x = exponential(-x), exp_minus_2y = exponential(-(y + y));
    return (1.0f - exp_minus_2y) / ((1.0f + exp_minus_x) * (1.0f + exp_minus_2y));
}

// The next cell and hidden states of 16 units (Hochreiter and Schmidhuber, 1997); the gates are i, f, g, o.
void lstm(const float *gates, const float *cell, float *new_cell, float *hidden) {
    for (int u = 0; u < BLOCK_UNITS; u += LANES) {
        Floats i = load<Floats>(gates + u), f = load<Floats>(gates + BLOCK_UNITS + u);
        Floats g = load<Floats>(gates + 2 * BLOCK_UNITS + u), o = load<Floats>(gates + 3 * BLOCK_UNITS + u);
        Floats c = sigmoid(f) * load<Floats>(cell + u) + sigmoid_tanh(i, g);
        store(new_cell + u, c);
        store(hidden + u, sigmoid_tanh(o, c));
    }
}

// The next hidden state of 16 units (Cho et al., 2014); the gates are r, z, and the projections to the candidate of the
// input and of the hidden state.
void gru(const float *gates, const float *state, float *new_state, float *hidden) {
    for (int u = 0; u < BLOCK_UNITS; u += LANES) {
        Floats r = sigmoid(load<Floats>(gates + u)), z = sigmoid(load<Floats>(gates + BLOCK_UNITS + u));
        Floats n = tanh(load<Floats>(gates + 2 * BLOCK_UNITS + u) + r * load<Floats>(gates + 3 * BLOCK_UNITS + u));
        Floats h = n + z * (load<Floats>(state + u) - n);
        store(new_state + u, h);
        store(hidden + u, h);
    }
}

// Steps of a layer, with `cell` as a second state, which in a GRU is the hidden state itself.
template <void (*Cell)(const float *, const float *, float *, float *)>
void recur(const PackedRNN &layer, int64_t steps, int64_t rows, const float *x, const float *gates_ih,
           const float *hidden, const float *cell, float *new_hidden, float *new_cell, int threads) {
    int64_t units = layer.units, blocks = (units + BLOCK_UNITS - 1) / BLOCK_UNITS, step = rows_per_tile(rows);
    bool parallel = rows * 4 * units * (units + (x ? layer.linear_ih.inputs : 0)) > MIN_PARALLEL_PRODUCTS;
    QuantizedRows quantized_x(x, x ? steps * rows : 0, layer.linear_ih.inputs);
    for (int64_t t = 0; t < steps; t++) {
        QuantizedRows quantized_hidden(hidden, rows, units);
#pragma omp parallel for schedule(static) num_threads(threads) if (parallel)
        for (int64_t block = 0; block < blocks; block++) {
            alignas(64) float gates[TILE_ROWS * BLOCK_OUTPUTS] = {}, block_cell[BLOCK_UNITS] = {};
            alignas(64) float block_new_cell[BLOCK_UNITS], block_new_hidden[BLOCK_UNITS];
            int64_t first = block * BLOCK_UNITS, rest = units - first;
            for (int64_t row = 0; row < rows; row += step) {
                int64_t tile_rows = rows - row < step ? rows - row : step;
                if (x)
                    linear_block<TILE_ROWS>(layer.linear_ih, block, quantized_x, t * rows + row, tile_rows, gates,
                                            false);
                else
                    for (int64_t r = 0; r < tile_rows; r++)
                        for (int gate = 0; gate < 4; gate++)
                            copy_units(gates + r * BLOCK_OUTPUTS + gate * BLOCK_UNITS,
                                       gates_ih + ((t * rows + row + r) * 4 + gate) * units + first, rest);
                linear_block<TILE_ROWS>(layer.linear_hh, block, quantized_hidden, row, tile_rows, gates, true);
                for (int64_t r = 0; r < tile_rows; r++) {
                    int64_t offset = (row + r) * units + first;
                    copy_units(block_cell, cell + offset, rest);
                    Cell(gates + r * BLOCK_OUTPUTS, block_cell, block_new_cell, block_new_hidden);
                    copy_units(new_cell + offset, block_new_cell, rest);
                    copy_units(new_hidden + offset, block_new_hidden, rest);
                }
            }
        }
        hidden = new_hidden, cell = new_cell;
        new_hidden += rows * units, new_cell += rows * units;
    }
}

}  // namespace

extern "C" {

// Runs a layer over [steps, rows, ...], from inputs x, or, where x is null, from their projections to the gates.
void int8_lstm(const PackedRNN *layer, int64_t steps, int64_t rows, const float *x, const float *gates_ih,
               const float *hidden, const float *cell, float *new_hidden, float *new_cell, int threads) {
    recur<lstm>(*layer, steps, rows, x, gates_ih, hidden, cell, new_hidden, new_cell, threads);
}

// The same, where the cell state is a copy of the hidden state.
void int8_gru(const PackedRNN *layer, int64_t steps, int64_t rows, const float *x, const float *gates_ih,
              const float *hidden, const float *cell, float *new_hidden, float *new_cell, int threads) {
    recur<gru>(*layer, steps, rows, x, gates_ih, hidden, cell, new_hidden, new_cell, threads);
}
}
