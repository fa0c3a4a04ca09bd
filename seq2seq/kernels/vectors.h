// SIMD vectors of float32 and int32, and functions of them that several kernels need.

#pragma once

#include <cstdint>
#include <cstring>

#include <immintrin.h>

#if defined(__AVX512VNNI__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
#error "the kernels need AVX2"
#endif

constexpr int64_t MIN_PARALLEL_VALUES = 1 << 18;  // values read, below which threads cost more than they save

typedef float Floats __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));

namespace {

template <typename V> V load(const void *from) {
    V value;
    memcpy(&value, from, sizeof value);
    return value;
}

template <typename V> void store(void *to, V value) { memcpy(to, &value, sizeof value); }

// Whether any lane of x is greater than that of y.
bool any_above(Floats x, Floats y) {
#if defined(__AVX512VNNI__)
    return _mm512_cmp_ps_mask((__m512)x, (__m512)y, _CMP_GT_OQ);
#else
    return _mm256_movemask_ps(_mm256_cmp_ps((__m256)x, (__m256)y, _CMP_GT_OQ));
#endif
}

// The sum of all lanes, by halves.
template <typename V> auto sum(V lanes) {
    decltype(lanes[0] + lanes[0]) sums[LANES];
    store(sums, lanes);
    for (int half = LANES / 2; half; half /= 2)
        for (int lane = 0; lane < half; lane++) sums[lane] += sums[lane + half];
    return sums[0];
}

Floats fma(Floats a, Floats b, Floats c) {
#if defined(__AVX512VNNI__)
    return (Floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#else
    return (Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#endif
}

// e^x to 1e-7, as in Cephes: x = n log 2 + f, and e^x = 2^n times a polynomial in f; x is clamped to +-87.
Floats exponential(Floats x) {
    const Floats zero = {}, limit = zero + 87.0f, rounding = zero + 12582912.0f;
    x = x > limit ? limit : x;
    x = x < -limit ? -limit : x;
    Floats n = fma(x, zero + 1.44269504f, rounding) - rounding;
    Floats f = fma(n, zero + 2.12194440e-4f, fma(n, zero - 0.693359375f, x));
    Floats p = fma(f, zero + 1.9875691500e-4f, zero + 1.3981999507e-3f);
    p = fma(p, f, zero + 8.3334519073e-3f);
    p = fma(p, f, zero + 4.1665795894e-2f);
    p = fma(p, f, zero + 1.6666665459e-1f);
    p = fma(p, f, zero + 5.0000001201e-1f);
    p = fma(p, f * f, f + 1.0f);
    Ints power = (__builtin_convertvector(n, Ints) + 127) << 23;
    return p * (Floats)power;
}

Floats sigmoid(Floats x) { return 1.0f / (1.0f + exponential(-x)); }

Floats tanh(Floats x) { return 2.0f * sigmoid(x + x) - 1.0f; }

}  // namespace
