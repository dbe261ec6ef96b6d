#include "tests/unit/checkpoint/archive_builder.h"

#include <fstream>

#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/zip_records.h"
#include "lpmc/checkpoint/zip_writer.h"

namespace lpmc::test {
namespace {

void append_common(std::string& out, const ZipItem& item, std::uint32_t crc, std::uint32_t size) {
  append_little(out, std::uint16_t{20});
  append_little(out, static_cast<std::uint16_t>(item.flags | (item.descriptor ? zip::kFlagDescriptor : 0)));
  append_little(out, item.method);
  append_little(out, std::uint32_t{0});  // time and date
  append_little(out, crc);
  append_little(out, size);
  append_little(out, size);
  append_little(out, static_cast<std::uint16_t>(item.name.size()));
}

void append_local(BuiltZip& zip, const ZipItem& item, std::uint32_t crc) {
  const auto size = static_cast<std::uint32_t>(item.data.size());
  zip.local.push_back(zip.bytes.size());
  append_little(zip.bytes, zip::kLocalSignature);
  append_common(zip.bytes, item, item.descriptor ? 0 : crc, item.descriptor ? 0 : size);
  append_little(zip.bytes, std::uint16_t{0});
  zip.bytes += item.name + item.data;
  if (!item.descriptor) return;
  append_little(zip.bytes, std::uint32_t{0x08074B50});
  append_little(zip.bytes, crc);
  append_little(zip.bytes, size);
  append_little(zip.bytes, size);
}

void append_central(BuiltZip& zip, const ZipItem& item, std::size_t index, std::uint32_t crc) {
  const auto size = static_cast<std::uint32_t>(item.data.size());
  std::string extra;
  if (item.zip64) {
    append_little(extra, std::uint16_t{0x5455});  // another field first
    append_little(extra, std::uint16_t{1});
    extra += 'x';
    append_little(extra, zip::kZip64Extra);
    append_little(extra, std::uint16_t{24});
    append_little(extra, std::uint64_t{size});
    append_little(extra, std::uint64_t{size});
    append_little(extra, std::uint64_t{zip.local[index]});
  }
  zip.central.push_back(zip.bytes.size());
  append_little(zip.bytes, zip::kCentralSignature);
  append_little(zip.bytes, std::uint16_t{45});
  append_common(zip.bytes, item, crc, item.zip64 ? zip::kIn64 : size);
  append_little(zip.bytes, static_cast<std::uint16_t>(extra.size()));
  append_little(zip.bytes, std::uint16_t{0});  // comment
  append_little(zip.bytes, std::uint16_t{0});  // disk
  append_little(zip.bytes, std::uint16_t{0});
  append_little(zip.bytes, std::uint32_t{0});
  append_little(zip.bytes, item.zip64 ? zip::kIn64 : static_cast<std::uint32_t>(zip.local[index]));
  zip.bytes += item.name + extra;
}

}  // namespace

BuiltZip build_zip(const std::vector<ZipItem>& items, const ZipLayout& layout) {
  BuiltZip zip;
  for (const ZipItem& item : items)
    append_local(zip, item, zip_checksum(bytes_of(item.data)));
  const std::size_t begin = zip.bytes.size();
  for (std::size_t i = 0; i < items.size(); ++i) {
    append_central(zip, items[i], i, zip_checksum(bytes_of(items[i].data)));
  }
  const std::size_t size = zip.bytes.size() - begin;
  if (layout.zip64_end) {
    zip.zip64_end = zip.bytes.size();
    append_little(zip.bytes, zip::kZip64EndSignature);
    append_little(zip.bytes, std::uint64_t{44});
    append_little(zip.bytes, std::uint32_t{0});  // versions
    append_little(zip.bytes, std::uint64_t{0});  // disks
    append_little(zip.bytes, std::uint64_t{items.size()});
    append_little(zip.bytes, std::uint64_t{items.size()});
    append_little(zip.bytes, std::uint64_t{size});
    append_little(zip.bytes, std::uint64_t{begin});
    append_little(zip.bytes, zip::kZip64LocatorSignature);
    append_little(zip.bytes, std::uint32_t{0});
    append_little(zip.bytes, std::uint64_t{zip.zip64_end});
    append_little(zip.bytes, std::uint32_t{1});
  }
  zip.end = zip.bytes.size();
  append_little(zip.bytes, zip::kEndSignature);
  append_little(zip.bytes, std::uint32_t{0});
  append_little(zip.bytes,
                layout.zip64_end ? std::uint16_t{0xFFFF} : static_cast<std::uint16_t>(items.size()));
  append_little(zip.bytes,
                layout.zip64_end ? std::uint16_t{0xFFFF} : static_cast<std::uint16_t>(items.size()));
  append_little(zip.bytes, layout.zip64_end ? zip::kIn64 : static_cast<std::uint32_t>(size));
  append_little(zip.bytes, layout.zip64_end ? zip::kIn64 : static_cast<std::uint32_t>(begin));
  append_little(zip.bytes, static_cast<std::uint16_t>(layout.comment.size()));
  zip.bytes += layout.comment;
  return zip;
}

namespace pickle {

std::string text(std::string_view value) {
  std::string out = "X";
  append_little(out, static_cast<std::uint32_t>(value.size()));
  return out.append(value);
}

std::string integer(std::int32_t value) {
  std::string out = "J";
  append_little(out, value);
  return out;
}

std::string long_integer(std::int64_t value) {
  std::string out = "\x8a\x08";
  append_little(out, value);
  return out;
}

std::string global(std::string_view module, std::string_view name) {
  return fmt::format("c{}\n{}\n", module, name);
}

std::string tuple(const std::vector<std::string>& values) {
  std::string out = "(";
  for (const std::string& value : values)
    out += value;
  return out + "t";
}

std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> pickled;
  for (const std::int64_t value : values)
    pickled.push_back(long_integer(value));
  return tuple(pickled);
}

namespace {
std::string filled(std::string empty, const std::vector<std::pair<std::string, std::string>>& items) {
  empty += '(';
  for (const auto& [key, value] : items)
    empty += text(key) + value;
  return empty + "u";
}
}  // namespace

std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  return filled("}", items);
}

std::string ordered_dict(const std::vector<std::pair<std::string, std::string>>& items) {
  return filled(global("collections", "OrderedDict") + ")R", items);
}

std::string whole(std::string_view body) {
  return fmt::format("\x80\x02{}.", body);
}

std::string tensor(const TensorFields& fields) {
  const std::string id = tuple({text("storage"), global("torch", fields.type), text(fields.key),
                                text(fields.location), long_integer(fields.elements)});
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple({id + "Q", long_integer(fields.offset), integers(fields.sizes), integers(fields.strides),
                "\x89", ordered_dict({})}) +
         "R";
}

}  // namespace pickle

std::string build_checkpoint(const std::string& pickle, const std::map<std::string, std::string>& storages) {
  std::vector<ZipItem> items = {{.name = "model/data.pkl", .data = pickle, .descriptor = true}};
  for (const auto& [key, data] : storages) {
    items.push_back({.name = "model/data/" + key, .data = data, .descriptor = true});
  }
  items.push_back({.name = "model/version", .data = "3\n", .descriptor = true});
  return build_zip(items, {.zip64_end = true}).bytes;
}

std::string float_bytes(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    append_little(out, static_cast<float>(i));
  return out;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  EXPECT_TRUE(out.good()) << path;
}

std::string message_of(ErrorKind kind, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.kind()), to_string(kind)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return {};
}

}  // namespace lpmc::test
