// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lutra::compiled: the class templates that headers declare `extern template`.
#define LUTRA_USE_COMPILED 1
#include <lutra/lutra.hpp>

namespace lutra {
inline namespace LUTRA_ISA {
template class token_flow<float>;
template class token_flow<std::int8_t>;
template class float_vit<>;
template class int8_vit<>;
template class integer_vit<>;
template class float_pass<>;
template class token_pass<>;
template class quantized_pass<>;
template class vit_trainer<float_pass<>>;
} // namespace LUTRA_ISA
} // namespace lutra
