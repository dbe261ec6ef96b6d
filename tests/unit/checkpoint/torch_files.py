"""Writes checkpoints with torch into FOLDER for python_interop_test.cpp, and loads the one it wrote.

usage: torch_files.py FOLDER      exit status 77: there is no torch here

FOLDER/manifest.json then lists files: {"file", "epoch", "tensors": [{"name", "dtype", "shape", "bytes",
"storage", "contiguous"}]}, "bytes" naming a file with the elements in row-major order, and
{"file", "error"} for those that must be refused.
"""
import json
import pathlib
import sys

try:
    import numpy
    import torch
except ImportError as error:
    print(error)
    sys.exit(77)

folder = pathlib.Path(sys.argv[1])
manifest = []


def describe(name, tensors, epoch=None):
    storages, described = {}, []
    for i, (key, tensor) in enumerate(tensors.items()):
        data = folder / f"{name}.{i}.bin"
        # .numpy() has no bfloat16: look at the bits.
        flat = tensor.detach().contiguous()
        bits = flat.view(torch.int16) if flat.dtype == torch.bfloat16 else flat
        data.write_bytes(bits.numpy().tobytes())
        storage = tensor.storage().data_ptr() if tensor.numel() else key
        described.append({"name": key, "dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape),
                          "bytes": data.name, "storage": storages.setdefault(storage, len(storages)),
                          "contiguous": tensor.is_contiguous()})
    manifest.append({"file": name, "epoch": epoch, "tensors": described})


def save(name, tensors, extra=None, epoch=None, **options):
    top = dict(extra or {})
    if epoch is not None:
        top["epoch"] = epoch
    if top:
        top["state_dict"] = tensors
    torch.save(top or tensors, folder / name, **options)
    describe(name, tensors, epoch)


def refuse(name, error):
    manifest.append({"file": name, "error": error})


def write_all():
    torch.manual_seed(0)
    base = torch.randn(4, 6)
    save("dtypes.pth", {
        "f32": base, "f64": base.double(), "f16": base.half(), "bf16": base.bfloat16(),
        "i64": torch.arange(-3, 3), "i32": torch.arange(5).int(), "i16": torch.arange(5).short(),
        "i8": torch.arange(-5, 5).char(), "u8": torch.arange(5).byte(), "bool": torch.tensor([True, False, True])})
    save("views.pth", {
        "transposed": base.t(), "column": base[:, 2], "rows": base[1:3], "steps": base[::2, 1::3],
        "permuted": torch.arange(24.).view(2, 3, 4).permute(2, 0, 1), "expanded": base[:1].expand(3, 6),
        "scalar": torch.tensor(3.5), "element": base[2, 3], "empty": torch.empty(0), "empty2": torch.empty(3, 0, 2)})
    module = torch.nn.Sequential(torch.nn.Embedding(7, 4), torch.nn.Linear(4, 7, bias=False), torch.nn.BatchNorm1d(7))
    module[1].weight = module[0].weight
    parallel = torch.nn.DataParallel(module)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    module[2](module[1](module[0](torch.tensor([1, 2, 3])))).sum().backward()
    optimizer.step()
    save("parallel.pth", parallel.state_dict(), {"optimizer": optimizer.state_dict()}, epoch=3)
    save("parameters.pth", dict(module.named_parameters()), epoch=2.5)
    for protocol in (2, 3, 4, 5):
        save(f"protocol{protocol}.pth", module.state_dict(), {"note": "text"}, epoch=protocol, pickle_protocol=protocol)
    tag = torch.serialization.location_tag
    torch.serialization.location_tag = lambda storage: "cuda:7"
    save("cuda.pth", module.state_dict(), epoch=1)
    torch.serialization.location_tag = tag

    torch.save(module.state_dict(), folder / "legacy.pth", _use_new_zipfile_serialization=False)
    refuse("legacy.pth", "the torch format before 1.6")
    torch.jit.trace(module[1], torch.zeros(1, 4)).save(str(folder / "script.pth"))
    refuse("script.pth", "a TorchScript archive")
    numpy.savez(folder / "arrays.npz", a=numpy.zeros(3))
    refuse("arrays.npz", "a NumPy archive")
    torch.save({"state_dict": module.state_dict(), "loss": numpy.float64(1.5)}, folder / "numpy.pth")
    refuse("numpy.pth", "scalar: not one of the types a checkpoint may contain")
    torch.save(module, folder / "module.pth")
    refuse("module.pth", "torch.nn.modules.container Sequential: not one of the types")
    torch.save({"state_dict": {"c": torch.zeros(2, dtype=torch.complex64)}}, folder / "complex.pth")
    refuse("complex.pth", "torch ComplexFloatStorage: not one of the types")


def load_ours(path, **options):
    loaded = torch.load(path, map_location="cpu", **options)
    assert list(loaded) == ["epoch", "state_dict", "optimizer"], list(loaded)
    assert loaded["epoch"] == 12 and loaded["optimizer"] == {}
    state = loaded["state_dict"]
    assert type(state).__name__ == "OrderedDict"
    assert list(state) == ["0.weight", "1.weight", "1.bias", "half", "bfloat", "steps", "flags", "none"], list(state)
    assert torch.equal(state["0.weight"], torch.arange(6.).view(3, 2)), state["0.weight"]
    assert state["0.weight"].data_ptr() == state["1.weight"].data_ptr()
    assert torch.equal(state["1.bias"], torch.tensor([0.5, -0.5, 2.]))
    assert torch.equal(state["half"], torch.tensor([1., -2.]).half())
    assert torch.equal(state["bfloat"], torch.tensor([1., -2.]).bfloat16())
    assert state["steps"].shape == () and state["steps"].item() == 2**40
    assert state["flags"].tolist() == [True, False] and state["flags"].dtype == torch.bool
    assert state["none"].shape == (0, 4)
    module = torch.nn.Sequential(torch.nn.Embedding(3, 2), torch.nn.Linear(2, 3))
    weights = {k: v for k, v in state.items() if k[0] in "01"}
    module.load_state_dict(weights, strict=True)


if __name__ == "__main__":
    write_all()
    load_ours(folder / "ours.pth")
    load_ours(folder / "ours.pth", weights_only=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
