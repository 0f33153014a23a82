/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* The main of a program that holds an emitted C function to its test vectors; see emit_units.cpp. */
#include <stdio.h>

static int32_t signed_value(unsigned long pattern, int bits) {
    const long long half = 1LL << (bits - 1);
    return (int32_t)((long long)(pattern & (unsigned long)(2 * half - 1)) - ((long long)pattern & half ? 2 * half : 0));
}

int main(void) {
    unsigned long input, output;
    long tested = 0, wrong = 0;
    FILE* file = fopen(VECTORS, "r");
    if (file == NULL) return 2;
    while (fscanf(file, "%lx_%lx", &input, &output) == 2) {
        const int32_t x = signed_value(input, INPUT_BITS), y = signed_value(output, OUTPUT_BITS);
        wrong += UNIT(x) != y;
#ifdef LOOK_UP
        wrong += LOOK_UP((int8_t)x) != y;
#endif
        ++tested;
    }
    fclose(file);
    printf("%s: %ld inputs, %ld wrong\n", VECTORS, tested, wrong);
    return tested == 0 || wrong != 0;
}
