// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "program.hpp"

translation_unit elsewhere() { return here(); }
