// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Must not link: it shows that the smoke program's linking proves the absence of a heap.
int* volatile kept;
int main() {
    kept = new int{1};
    return 0;
}
