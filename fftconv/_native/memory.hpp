// Memory that starts where vectors like it; large parts on large pages, which take less time to be touched first
// and to be found. Nothing here is inline in a way that the linker could share between instruction sets.
#pragma once

#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fftconv {

static constexpr std::int64_t LARGE_PAGE = 2 * 1024 * 1024;

// Null where there is none. To be freed with `free`.
static void* take_memory(std::int64_t bytes) {
    const bool large = bytes >= 2 * LARGE_PAGE;
    void* start = nullptr;
    if (posix_memalign(&start, large ? LARGE_PAGE : 64, static_cast<size_t>(bytes)) != 0) return nullptr;
#if defined(MADV_HUGEPAGE)
    if (large) madvise(start, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // a wish, which may be refused
#endif
    return start;
}

}  // namespace fftconv
