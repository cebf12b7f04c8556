#include "CVectorWidth.h"
