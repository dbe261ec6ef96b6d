#include "lpmc/checkpoint/pickle_values.h"

namespace lpmc {

std::string_view to_string(PickleKind kind) {
  switch (kind) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return "a bool";
    case PickleKind::integer:
      return "an int";
    case PickleKind::big_integer:
      return "an int of over 64 bits";
    case PickleKind::real:
      return "a float";
    case PickleKind::string:
      return "a string";
    case PickleKind::tuple:
      return "a tuple";
    case PickleKind::list:
      return "a list";
    case PickleKind::dict:
      return "a dict";
    case PickleKind::global:
      return "a type";
    case PickleKind::storage:
      return "a storage";
    case PickleKind::tensor:
      return "a tensor";
  }
  return "an unknown value";
}

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  const PickleValue* found = nullptr;
  if (dict.kind != PickleKind::dict) return found;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& name = at(dict.items[i]);
    if (name.kind == PickleKind::string && name.text == key) found = &at(dict.items[i + 1]);
  }
  return found;
}

}  // namespace lpmc
