/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */

/* A plugin for QEMU that counts the instructions that a guest executes, and says so when the guest ends:
       cc -O2 -shared -fPIC count_instructions.c -o libcount.so
       qemu-system-arm -plugin ./libcount.so ...
   The declarations are those of version 1 of QEMU's plugin interface, which every QEMU from 4.2 to 9.0 serves; Debian has no
   package with its header. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define VISIBLE __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn*, int operation, void* counter, uint64_t by);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb*);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb*, size_t);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void*), void*);

VISIBLE int qemu_plugin_version = 1;

static uint64_t executed;

static void on_translation(plugin_id id, struct qemu_plugin_tb* block) {
    const size_t count = qemu_plugin_tb_n_insns(block);
    enum { add = 0 };
    for (size_t i = 0; i < count; ++i)
        qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_tb_get_insn(block, i), add, &executed, 1);
    (void)id;
}
static void on_exit_of_guest(plugin_id id, void* data) {
    (void)id;
    (void)data;
    fprintf(stderr, "instructions %llu\n", (unsigned long long)executed);
}

VISIBLE int qemu_plugin_install(plugin_id id, const void* machine, int argc, char** argv) {
    (void)machine;
    (void)argc;
    (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_guest, 0);
    return 0;
}
