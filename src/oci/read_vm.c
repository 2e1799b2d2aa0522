/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of `vm` (config-vm.md). */
#include "oci/read_core.h"

OCI_OBJECT(oci_vm_hypervisor, "a hypervisor",
	   OCI_ROW(oci_vm_hypervisor, "path", path, OCI_REQUIRED),
	   OCI_ROW(oci_vm_hypervisor, "parameters", parameters, OCI_OPTIONAL));

OCI_OBJECT(oci_vm_kernel, "a kernel", OCI_ROW(oci_vm_kernel, "path", path, OCI_REQUIRED),
	   OCI_ROW(oci_vm_kernel, "parameters", parameters, OCI_OPTIONAL),
	   OCI_ROW(oci_vm_kernel, "initrd", initrd, OCI_OPTIONAL));

OCI_OBJECT(oci_vm_image, "an image", OCI_ROW(oci_vm_image, "path", path, OCI_REQUIRED),
	   OCI_ROW_WORD(oci_vm_image, "format", format, oci_image_format, oci_image_format_words,
			OCI_REQUIRED));

OCI_OBJECT(oci_vm_iomem, "an I/O memory range",
	   OCI_ROW(oci_vm_iomem, "firstGFN", first_gfn, OCI_OPTIONAL),
	   OCI_ROW(oci_vm_iomem, "firstMFN", first_mfn, OCI_REQUIRED),
	   OCI_ROW(oci_vm_iomem, "nrMFNs", nr_mfns, OCI_REQUIRED));

OCI_OBJECT(oci_vm_hw_config, "a hardware configuration",
	   OCI_ROW(oci_vm_hw_config, "deviceTree", device_tree, OCI_OPTIONAL),
	   OCI_ROW(oci_vm_hw_config, "vcpus", vcpus, OCI_OPTIONAL),
	   OCI_ROW(oci_vm_hw_config, "memory", memory, OCI_OPTIONAL),
	   OCI_ROW(oci_vm_hw_config, "dtdevs", dtdevs, OCI_OPTIONAL),
	   OCI_ROW_ARRAY(oci_vm_hw_config, "iomems", iomems, iomem_count, oci_vm_iomem),
	   OCI_ROW(oci_vm_hw_config, "irqs", irqs, OCI_OPTIONAL));

OCI_OBJECT(oci_vm, "the vm object",
	   OCI_ROW_OBJECT(oci_vm, "hypervisor", hypervisor, oci_vm_hypervisor, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_vm, "kernel", kernel, oci_vm_kernel, OCI_REQUIRED),
	   OCI_ROW_OBJECT(oci_vm, "image", image, oci_vm_image, OCI_OPTIONAL),
	   OCI_ROW_OBJECT(oci_vm, "hwConfig", hw_config, oci_vm_hw_config, OCI_OPTIONAL));
