// What the globals of a checkpoint mean: the object opcodes of the pickle machine.

#include <array>

#include "lpmc/checkpoint/pickle_machine.h"

namespace lpmc::detail {
namespace {

struct AllowedGlobal {
  std::string_view module;
  std::string_view name;
  PickleGlobal global;
  DType dtype = DType::f32;
};

constexpr std::array kAllowedGlobals = {
    AllowedGlobal{"collections", "OrderedDict", PickleGlobal::ordered_dict},
    AllowedGlobal{"torch._utils", "_rebuild_tensor_v2", PickleGlobal::rebuild_tensor_v2},
    AllowedGlobal{"torch._utils", "_rebuild_parameter", PickleGlobal::rebuild_parameter},
    AllowedGlobal{"torch", "FloatStorage", PickleGlobal::storage_type, DType::f32},
    AllowedGlobal{"torch", "DoubleStorage", PickleGlobal::storage_type, DType::f64},
    AllowedGlobal{"torch", "HalfStorage", PickleGlobal::storage_type, DType::f16},
    AllowedGlobal{"torch", "BFloat16Storage", PickleGlobal::storage_type, DType::bf16},
    AllowedGlobal{"torch", "LongStorage", PickleGlobal::storage_type, DType::i64},
    AllowedGlobal{"torch", "IntStorage", PickleGlobal::storage_type, DType::i32},
    AllowedGlobal{"torch", "ShortStorage", PickleGlobal::storage_type, DType::i16},
    AllowedGlobal{"torch", "CharStorage", PickleGlobal::storage_type, DType::i8},
    AllowedGlobal{"torch", "ByteStorage", PickleGlobal::storage_type, DType::u8},
    AllowedGlobal{"torch", "BoolStorage", PickleGlobal::storage_type, DType::boolean},
    // An untyped storage is written, and read back by torch, as bytes.
    AllowedGlobal{"torch", "UntypedStorage", PickleGlobal::storage_type, DType::u8},
    AllowedGlobal{"torch.storage", "UntypedStorage", PickleGlobal::storage_type, DType::u8},
    AllowedGlobal{"torch.storage", "_UntypedStorage", PickleGlobal::storage_type, DType::u8},
};

}  // namespace

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  for (const AllowedGlobal& allowed : kAllowedGlobals) {
    if (allowed.module != module || allowed.name != name) continue;
    PickleValue value;
    value.kind = PickleKind::global;
    value.global = allowed.global;
    value.dtype = allowed.dtype;
    return push_value(std::move(value));
  }
  fail(ErrorKind::unsupported,
       "{}: {} {}: not one of the types a checkpoint may contain (nothing was executed)", where_,
       shown(module), shown(name));
}

std::int64_t PickleMachine::integer_of(PickleId id, std::string_view role) const {
  const PickleValue& value = pickle_.values[id];
  if (value.kind != PickleKind::integer)
    damaged("{}: expected an int, found {}", role, to_string(value.kind));
  return value.integer;
}

PickleId PickleMachine::tuple_of(PickleId id, std::string_view role) const {
  const PickleKind kind = pickle_.values[id].kind;
  if (kind != PickleKind::tuple) damaged("{}: expected a tuple, found {}", role, to_string(kind));
  return id;
}

/// ('storage', torch.FloatStorage, '12', 'cuda:0', 4096)
void PickleMachine::push_storage() {
  const std::vector<PickleId>& id = value(pop_kind(PickleKind::tuple, "a persistent id")).items;
  const auto is = [&](std::size_t i, PickleKind kind) { return value(id[i]).kind == kind; };
  if (id.size() != 5 || !is(0, PickleKind::string) || value(id[0]).text != "storage" ||
      !is(1, PickleKind::global) || value(id[1]).global != PickleGlobal::storage_type ||
      !is(2, PickleKind::string) || !is(3, PickleKind::string)) {
    damaged("a persistent id: expected ('storage', storage type, key, location, size)");
  }
  constexpr std::size_t kLongestKey = 256;  // torch writes "0", "1", ...
  if (value(id[2]).text.size() > kLongestKey)
    damaged("the key of a storage: {} bytes", value(id[2]).text.size());
  PickleStorage storage;
  storage.dtype = value(id[1]).dtype;
  storage.key = value(id[2]).text;
  storage.elements = integer_of(id[4], "the size of a storage");
  pickle_.storages.push_back(storage);
  push_integer(static_cast<std::int64_t>(pickle_.storages.size()) - 1, PickleKind::storage);
}

void PickleMachine::reduce() {
  const PickleId arguments_id = pop_kind(PickleKind::tuple, "the arguments of a call");
  const PickleValue& called = value(pop_kind(PickleKind::global, "the target of a call"));
  const PickleGlobal global = called.global;
  // One tuple may serve any number of calls, so a long one must not be copied by each.
  constexpr std::size_t kMostArguments = 8;
  if (value(arguments_id).items.size() > kMostArguments) {
    damaged("a call with {} arguments", value(arguments_id).items.size());
  }
  const std::vector<PickleId> arguments = value(arguments_id).items;
  switch (global) {
    case PickleGlobal::ordered_dict:
      return push(ordered_dict(arguments));
    case PickleGlobal::rebuild_tensor_v2:
      return push(rebuild_tensor(arguments));
    case PickleGlobal::rebuild_parameter:
      return push(rebuild_parameter(arguments));
    case PickleGlobal::storage_type:
      damaged("a storage that is made by a call");
  }
}

/// OrderedDict() or OrderedDict([(key, value), ...]).
PickleId PickleMachine::ordered_dict(const std::vector<PickleId>& arguments) {
  PickleValue dict;
  dict.kind = PickleKind::dict;
  if (arguments.size() > 1) damaged("OrderedDict: expected at most one argument, found {}", arguments.size());
  if (!arguments.empty()) {
    const PickleValue& list = value(arguments[0]);
    if (list.kind != PickleKind::list)
      damaged("OrderedDict: expected a list, found {}", to_string(list.kind));
    // A list shared by many such calls would be copied by each.
    if (!list.items.empty())
      damaged("OrderedDict: expected it empty at first, found {} entries", list.items.size());
  }
  return add(std::move(dict));
}

/// (storage, offset, size, stride, requires_grad, backward_hooks[, metadata])
PickleId PickleMachine::rebuild_tensor(const std::vector<PickleId>& arguments) {
  if (arguments.size() < 4 || arguments.size() > 7) {
    damaged("_rebuild_tensor_v2: expected 6 arguments, found {}", arguments.size());
  }
  const PickleValue& storage = value(arguments[0]);
  if (storage.kind != PickleKind::storage) {
    damaged("_rebuild_tensor_v2: expected a storage, found {}", to_string(storage.kind));
  }
  PickleTensor tensor;
  tensor.storage = static_cast<std::uint32_t>(storage.integer);
  tensor.offset = integer_of(arguments[1], "the offset of a tensor");
  tensor.sizes = tuple_of(arguments[2], "the size of a tensor");
  tensor.strides = tuple_of(arguments[3], "the strides of a tensor");
  pickle_.tensors.push_back(std::move(tensor));
  PickleValue value;
  value.kind = PickleKind::tensor;
  value.integer = static_cast<std::int64_t>(pickle_.tensors.size()) - 1;
  return add(std::move(value));
}

/// (tensor, requires_grad, backward_hooks): the tensor itself.
PickleId PickleMachine::rebuild_parameter(const std::vector<PickleId>& arguments) const {
  if (arguments.size() != 3 || pickle_.values[arguments[0]].kind != PickleKind::tensor) {
    damaged("_rebuild_parameter: expected (tensor, requires_grad, hooks)");
  }
  return arguments[0];
}

/// OrderedDict attributes (a state dict's _metadata): read and left out.
void PickleMachine::build() {
  const PickleKind state = value(pop()).kind;
  if (state != PickleKind::dict) damaged("attributes: expected a dict, found {}", to_string(state));
  if (available() == 0) damaged("the stack is empty");
  const PickleKind object = value(stack_.back()).kind;
  if (object != PickleKind::dict) damaged("attributes of {}", to_string(object));
}

}  // namespace lpmc::detail
