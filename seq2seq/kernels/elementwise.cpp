// Functions of single numbers.

#include "vectors.h"

extern "C" {

// tanh x, to 3e-7, and the same wherever x stands.
void hyperbolic_tangent(int64_t size, const float *x, float *y) {
    int64_t i = 0;
    for (; i + LANES <= size; i += LANES) store(y + i, tanh(load<Floats>(x + i)));
    Floats rest = {};
    memcpy(&rest, x + i, (size - i) * sizeof(float));
    rest = tanh(rest);
    memcpy(y + i, &rest, (size - i) * sizeof(float));
}
}
