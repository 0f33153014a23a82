# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Debian's xsimd 8.1 links xtl, which it neither finds nor depends on and lutra does not use.
get_target_property(lutra_xsimd_links xsimd INTERFACE_LINK_LIBRARIES)
if("xtl" IN_LIST lutra_xsimd_links AND NOT TARGET xtl)
    list(REMOVE_ITEM lutra_xsimd_links xtl)
    set_property(TARGET xsimd PROPERTY INTERFACE_LINK_LIBRARIES ${lutra_xsimd_links})
endif()
