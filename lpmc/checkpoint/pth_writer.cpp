#include <algorithm>
#include <map>
#include <unordered_set>
#include <vector>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/tensor_file.h"
#include "lpmc/checkpoint/zip_writer.h"

namespace lpmc {
namespace {

std::string_view storage_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "FloatStorage";
    case DType::f64:
      return "DoubleStorage";
    case DType::f16:
      return "HalfStorage";
    case DType::bf16:
      return "BFloat16Storage";
    case DType::i8:
      return "CharStorage";
    case DType::u8:
      return "ByteStorage";
    case DType::i16:
      return "ShortStorage";
    case DType::i32:
      return "IntStorage";
    case DType::i64:
      return "LongStorage";
    case DType::boolean:
      return "BoolStorage";
  }
  return "FloatStorage";
}

/// Emits protocol 2, without a memo: nothing in a state dict but storages is shared, and those are
/// shared by key.
class PickleWriter {
 public:
  PickleWriter() : out_("\x80\x02") {}

  void op(char opcode) { out_ += opcode; }
  void text(std::string_view value) {
    op('X');
    append_little(out_, static_cast<std::uint32_t>(value.size()));
    out_ += value;
  }
  void integer(std::int64_t value);
  void global(std::string_view module, std::string_view name) {
    out_ += fmt::format("c{}\n{}\n", module, name);
  }
  void ordered_dict() {
    global("collections", "OrderedDict");
    out_ += ")R";
  }
  void integers(std::span<const std::int64_t> values);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void PickleWriter::integer(std::int64_t value) {
  if (value >= 0 && value <= 0xFF) {
    op('K');
    append_little(out_, static_cast<std::uint8_t>(value));
  } else if (value >= INT32_MIN && value <= INT32_MAX) {
    op('J');
    append_little(out_, static_cast<std::int32_t>(value));
  } else {
    out_ += "\x8a\x08";
    append_little(out_, value);
  }
}

void PickleWriter::integers(std::span<const std::int64_t> values) {
  if (values.empty()) return op(')');
  op('(');
  for (const std::int64_t value : values)
    integer(value);
  op('t');
}

/// The storages of a file: tensors that begin at the same byte and are of one type share one, as
/// large as the largest of them.
struct Storages {
  struct Storage {
    const std::byte* data;
    DType dtype;
    std::int64_t elements;
    std::span<const std::byte> bytes() const {
      return {data, static_cast<std::size_t>(elements) * size_of(dtype)};
    }
  };
  std::vector<Storage> list;
  std::vector<std::size_t> of_tensor;
};

Storages find_storages(std::span<const NamedTensor> tensors) {
  Storages storages;
  std::map<std::pair<const std::byte*, DType>, std::size_t> known;
  for (const auto& [name, tensor] : tensors) {
    // Without elements there is nothing to share, and the address may be anything.
    const bool empty = tensor.elements() == 0;
    const auto [at, is_new] = known.try_emplace({tensor.bytes(), tensor.dtype()}, storages.list.size());
    if (empty || is_new) {
      if (empty && is_new) known.erase(at);
      storages.of_tensor.push_back(storages.list.size());
      storages.list.push_back({tensor.bytes(), tensor.dtype(), tensor.elements()});
      continue;
    }
    auto& shared = storages.list[at->second];
    shared.elements = std::max(shared.elements, tensor.elements());
    storages.of_tensor.push_back(at->second);
  }
  return storages;
}

/// torch._utils._rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict())
void append_tensor(PickleWriter& pickle, const Shape& shape, std::size_t key,
                   const Storages::Storage& storage) {
  std::array<std::int64_t, Shape::kMaxRank> strides{};
  std::int64_t stride = 1;
  for (std::size_t i = shape.rank(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<std::int64_t>(shape[i], 1);
  }
  pickle.global("torch._utils", "_rebuild_tensor_v2");
  pickle.op('(');
  pickle.op('(');
  pickle.text("storage");
  pickle.global("torch", storage_type(storage.dtype));
  pickle.text(fmt::format("{}", key));
  pickle.text("cpu");
  pickle.integer(storage.elements);
  pickle.op('t');
  pickle.op('Q');
  pickle.integer(0);
  pickle.integers(shape.sizes());
  pickle.integers(std::span(strides).first(shape.rank()));
  pickle.op('\x89');
  pickle.ordered_dict();
  pickle.op('t');
  pickle.op('R');
}

std::string checkpoint_pickle(std::span<const NamedTensor> tensors, const Storages& storages,
                              std::int64_t epoch) {
  PickleWriter pickle;
  pickle.op('}');
  pickle.op('(');
  pickle.text("epoch");
  pickle.integer(epoch);
  pickle.text("state_dict");
  pickle.ordered_dict();
  pickle.op('(');
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::size_t key = storages.of_tensor[i];
    pickle.text(tensors[i].name);
    append_tensor(pickle, tensors[i].tensor.shape(), key, storages.list[key]);
  }
  pickle.op('u');
  pickle.text("optimizer");
  pickle.op('}');
  pickle.op('u');
  pickle.op('.');
  return pickle.take();
}

/// The folder inside the archive: the file's stem, as torch.save names it.
std::string archive_name(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  const bool plain =
      std::ranges::all_of(stem, [](char c) { return c > 0x20 && c < 0x7F && c != '/' && c != '\\'; });
  constexpr std::size_t kLongest = 255;
  return plain && !stem.empty() && stem.size() <= kLongest ? stem : "archive";
}

void check_writable(std::span<const NamedTensor> tensors, const std::string& where) {
  std::unordered_set<std::string_view> names;
  for (const auto& [name, tensor] : tensors) {
    LPMC_REQUIRE(is_valid_utf8(name), invalid_argument, "{}: '{}' cannot name a tensor", where, shown(name));
    LPMC_REQUIRE(names.insert(name).second, invalid_argument, "{}: two tensors are named {}", where,
                 shown(name));
    LPMC_REQUIRE(!tensor.is_null() || tensor.elements() == 0, invalid_argument, "{}: {} has no data", where,
                 shown(name));
  }
}

}  // namespace

void write_pth(const std::filesystem::path& path, std::span<const NamedTensor> tensors, std::int64_t epoch) {
  check_writable(tensors, display_path(path));
  const Storages storages = find_storages(tensors);
  const std::string pickle = checkpoint_pickle(tensors, storages, epoch);
  const std::string prefix = archive_name(path);
  const auto text_bytes = [](std::string_view text) { return std::as_bytes(std::span(text)); };

  AtomicFile file(path);
  ZipWriter zip([&](std::span<const std::byte> bytes) { file.write(bytes); });
  zip.add(prefix + "/data.pkl", text_bytes(pickle));
  zip.add(prefix + "/byteorder", text_bytes("little"));
  for (std::size_t key = 0; key < storages.list.size(); ++key) {
    zip.add(fmt::format("{}/data/{}", prefix, key), storages.list[key].bytes());
  }
  zip.add(prefix + "/version", text_bytes("3\n"));
  zip.finish();
  file.commit();
}

}  // namespace lpmc
