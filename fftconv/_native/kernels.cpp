// The kernels, compiled once for every instruction set, as a namespace LEVEL.
//
// Nothing here is checked; `Correlation` in module.cpp is made of what `_arguments` and `_geometry` have checked:
// shapes that fit, strides that stay inside the arrays, tables that cover every position outside.
//
// Everything is in an unnamed namespace, and no inline function of the standard library is used: of inline
// functions the linker keeps one copy, which may be that of an instruction set this machine lacks.

#include <math.h>
#include <stdlib.h>

#include "core.hpp"
#include "memory.hpp"

namespace fftconv {
namespace LEVEL {
namespace {

// Rows and vectors of a register tile: ROWS * WIDE sums, WIDE inputs and one tap fit the registers.
#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64, ROWS = 4, WIDE = 4, LONG = 8;
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32, ROWS = 4, WIDE = 2, LONG = 6;
#elif defined(__aarch64__)
constexpr int VECTOR_BYTES = 16, ROWS = 4, WIDE = 4, LONG = 8;
#else
constexpr int VECTOR_BYTES = 16, ROWS = 4, WIDE = 2, LONG = 6;
#endif

constexpr Int CACHE_LINE = 64;
constexpr Int NEAR_BYTES = 32 * 1024;  // of rows that stay in a first-level cache
constexpr Int FAR_BYTES = 768 * 1024;  // and in a second-level one
constexpr Int LEAST_COLUMNS = 512;
constexpr Int LEAST_APART = 900;  // numbers of a row that cost more to be copied than its ends do apart

#define INLINE inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

template <class T>
struct Lanes {
    typedef T Vector __attribute__((vector_size(VECTOR_BYTES)));
    static constexpr Int count = VECTOR_BYTES / sizeof(T);
};

template <class T>
INLINE typename Lanes<T>::Vector load(const T* at) {
    typename Lanes<T>::Vector vector;
    __builtin_memcpy(&vector, at, VECTOR_BYTES);
    return vector;
}

template <class T>
INLINE void store(T* at, typename Lanes<T>::Vector vector) {
    __builtin_memcpy(at, &vector, VECTOR_BYTES);
}

template <class T>
constexpr bool is_float = static_cast<T>(0.5) != 0;

INLINE Int least(Int a, Int b) { return a < b ? a : b; }
INLINE Int most(Int a, Int b) { return a > b ? a : b; }
INLINE Int ratio(Int value, Int divisor) { return (value + divisor - 1) / divisor; }  // rounded up
INLINE Int up(Int value, Int multiple) { return ratio(value, multiple) * multiple; }

// Samples that the dilated kernel covers.
INLINE Int reach_of(const Axis& axis) { return (axis.taps - 1) * axis.dilation + 1; }

// The sample that stands at a position; -1 where it is the fill value.
INLINE Int sample_at(const Axis& axis, Int position) {
    if (position >= 0 && position < axis.size) return position;
    if (!axis.outside) return -1;
    if (position < 0) return axis.outside[position - axis.first];
    return axis.outside[position - axis.size + most(-axis.first, 0)];
}

#include "pixels.hpp"
#include "rows.hpp"
#include "places.hpp"
#include "tiles.hpp"
#include "sums.hpp"
#include "boxes.hpp"
#include "transforms.hpp"
#include "spots.hpp"
#include "overlap.hpp"
#include "lanes.hpp"
#include "stream.hpp"
#include "layer.hpp"

template <class T>
bool is_abreast(const Job& job) {
    return static_cast<const Transform<T>*>(job.transform)->kind == Tile::lanes;
}

template <class T>
Outcome run(const Job& job, Next next, void* counter) {
    if (job.method == Method::running_sum) return Boxes<T>(job).run(next, counter);
    if constexpr (is_float<T>)
        if (job.method == Method::overlap_save)
            return is_abreast<T>(job) ? Abreast<T>(job).run(next, counter) : Overlap<T>(job).run(next, counter);
    if constexpr (!Weighed<T>::in_float) return Worker<T>(job).run(next, counter);
    return Outcome::finite;  // small integers are added up by running sums only
}

template <class T>
Int bytes_of(const Job& job) {
    return job.method == Method::running_sum ? Boxes<T>(job).bytes() : Worker<T>(job).bytes();
}

template <class T>
Outcome find_spectra(const Job& job, Int kernels, void* spectra) {
    T* const to = static_cast<T*>(spectra);
    return is_abreast<T>(job) ? Abreast<T>(job).prepare(to, kernels) : Overlap<T>(job).prepare(to, kernels);
}

template <class T>
void reset_stream(void* stream) {
    static_cast<Stream<T>*>(stream)->reset();
}

template <class T>
bool process(void* stream, const Lent& in, const Lent& out, Int frames) {
    return static_cast<Stream<T>*>(stream)->process(in, out, frames);
}

template <class T>
void transfer_stream(void* stream, StreamState& state) {
    static_cast<Stream<T>*>(stream)->transfer(state);
}

}  // namespace

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
extern const Level level;
const Level level = {TEXT(LEVEL),
                     VECTOR_BYTES,
                     {run<float>, run<double>, run<std::uint64_t>, run<std::uint32_t>, run<std::uint16_t>},
                     {bytes_of<float>, bytes_of<double>, bytes_of<std::uint64_t>},
                     {{make_transform<float>, find_spectra<float>}, {make_transform<double>, find_spectra<double>}},
                     {{Stream<float>::make, reset_stream<float>, process<float>, transfer_stream<float>},
                      {Stream<double>::make, reset_stream<double>, process<double>, transfer_stream<double>}},
                     {{weight_bytes<float>, pack_layer<float>, run_layer<float>},
                      {weight_bytes<double>, pack_layer<double>, run_layer<double>}}};

}  // namespace LEVEL
}  // namespace fftconv
