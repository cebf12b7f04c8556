#ifndef CMALLOC_SHIM_H
#define CMALLOC_SHIM_H

// How the C library's allocator is told what to keep; other C libraries have nothing like it.
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#endif
