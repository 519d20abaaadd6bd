"""The engine of quantized kernels: a name that can be set; the same kernels run under each."""

supported_engines = ["x86", "fbgemm", "onednn", "qnnpack"]
engine = "x86"
