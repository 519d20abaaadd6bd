"""Namespaces of devices and libraries that are not there: scripts that ask or set flags run on."""

from __future__ import annotations

import pytest

import powerhouse as torch


def test_no_accelerator_is_told():
    """By every name that scripts ask."""
    assert not torch.cuda.is_available() and torch.cuda.device_count() == 0 and not torch.cuda.is_initialized()
    assert not torch.backends.mps.is_available() and not torch.mps.is_available() and not torch.xpu.is_available()
    assert not torch.accelerator.is_available() and torch.accelerator.current_accelerator() is None
    assert not torch.backends.cudnn.is_available() and not torch.backends.mkl.is_available() and not torch.backends.openmp.is_available()
    assert torch.version.cuda is None and torch.version.__version__ == torch.__version__


def test_tidy_scripts_run():
    """Seeds, caches and counters are accepted; `synchronize` runs what is pending."""
    torch.cuda.manual_seed(1)
    torch.cuda.manual_seed_all(1)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    x = torch.ones(2) + 1
    torch.cuda.synchronize()
    assert x._storage.buffer is not None
    assert torch.cuda.memory_allocated() == torch.cuda.max_memory_allocated(0) == 0 and torch.cuda.get_rng_state_all() == []
    with torch.cuda.device(None):
        pass


@pytest.mark.parametrize("name", ["current_device", "get_device_name", "get_device_properties", "set_device", "Stream", "init"])
def test_devices_are_refused(name):
    """With the name of what was called."""
    with pytest.raises(AssertionError, match=f"{name}: no CUDA device is available"):
        getattr(torch.cuda, name)()
    with pytest.raises(RuntimeError, match="accelerator"):
        torch.accelerator.current_device_index()


def test_flags():
    """Set for a block, and put back."""
    cudnn = torch.backends.cudnn
    before = (cudnn.enabled, cudnn.deterministic, cudnn.benchmark)
    try:
        cudnn.deterministic = True
        with cudnn.flags(enabled=False, deterministic=False, benchmark=True):
            assert (cudnn.enabled, cudnn.deterministic, cudnn.benchmark) == (False, False, True)
        assert (cudnn.enabled, cudnn.deterministic, cudnn.benchmark) == (before[0], True, before[2])
    finally:
        cudnn.deterministic = before[1]
    torch.backends.cuda.matmul.allow_tf32 = True
    with torch.backends.cuda.sdp_kernel(enable_flash=False):
        assert not torch.backends.cuda.flash_sdp_enabled() and torch.backends.cuda.math_sdp_enabled()
    assert torch.backends.cuda.flash_sdp_enabled()


def test_compile_changes_nothing():
    """As a function and as a decorator, with all arguments."""
    model = torch.nn.Linear(2, 1)
    assert (
        torch.compile(model) is model and torch.compile(model, fullgraph=True, dynamic=False, backend="eager", mode="max-autotune") is model
    )

    @torch.compile
    def double(x):
        return x * 2

    @torch.compile(options={"trace": True})
    def triple(x):
        return x * 3

    assert double(torch.ones(1)).item() == 2 and triple(torch.ones(1)).item() == 3
    assert (
        torch.compiler.disable(double) is double
        and torch.compiler.disable(recursive=False)(double) is double
        and not torch.compiler.is_compiling()
    )
    with pytest.raises(RuntimeError, match="Unrecognized mode"):
        torch.compile(model, mode="fast")
    with pytest.raises(RuntimeError, match="both can't be specified"):
        torch.compile(model, mode="default", options={})
    with pytest.raises(RuntimeError, match="not callable"):
        torch.compile(3)


def test_fork_rng():
    """The stream goes on from where it was."""
    torch.manual_seed(3)
    want = torch.rand(2)
    torch.manual_seed(3)
    with torch.random.fork_rng():
        torch.random.manual_seed(9)
        torch.rand(5)
    assert torch.equal(torch.rand(2), want)
    with torch.random.fork_rng(enabled=False):
        torch.manual_seed(3)
    assert torch.equal(torch.rand(2), want)
