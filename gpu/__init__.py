"""What the hardware does: NVML, peaks, the matmul benchmark."""
