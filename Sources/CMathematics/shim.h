#ifndef CMATHEMATICS_SHIM_H
#define CMATHEMATICS_SHIM_H

// exp and log from the C library: the mathematics needs no Foundation.
#include <math.h>

#endif
