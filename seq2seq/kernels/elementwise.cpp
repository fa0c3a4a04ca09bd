// Elementwise functions.

#include "vectors.h"

extern "C" {

// tanh x, to 3e-7; the result does not depend on the position of x in the array.
void hyperbolic_tangent(int64_t size, const float *x, float *y) {
    int64_t i = 0;
    for (; i + LANES <= size; i += LANES) store(y + i, tanh(load<Floats>(x + i)));
    Floats tail = {};
    memcpy(&tail, x + i, (size - i) * sizeof(float));
    tail = tanh(tail);
    memcpy(y + i, &tail, (size - i) * sizeof(float));
}
}
