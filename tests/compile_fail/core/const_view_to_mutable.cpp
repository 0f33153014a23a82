// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// EXPECT: matrix_view<int>
#include <lutra/core/matrix_view.hpp>

int main() {
    const int data[4]{};
    const lutra::matrix_view<const int> view{data, 2, 2};
    const lutra::matrix_view<int> wider = view;
    return static_cast<int>(wider.rows());
}
