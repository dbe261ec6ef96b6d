#include "lpmc/checkpoint/pickle_reader.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/checkpoint/archive_builder.h"

namespace lpmc::test {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

/// The strings of a Pickle point into its bytes: those are kept.
Pickle read(const std::string& bytes) {
  static std::string kept;
  kept = bytes;
  return read_pickle(bytes_of(kept), "a.pth: data.pkl");
}

std::string error_of(ErrorKind kind, const std::string& bytes) {
  return message_of(kind, [&] { read(bytes); });
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += piece;
  return out;
}

std::int64_t integer_in(const std::string& body) {
  const Pickle pickle = read(pickle::whole(body));
  EXPECT_EQ(pickle.top().kind, PickleKind::integer);
  return pickle.top().integer;
}

TEST(PickleReader, ReadsScalars) {
  EXPECT_EQ(read("\x80\x02N."s).top().kind, PickleKind::none);
  EXPECT_EQ(read("\x80\x02\x88."s).top().integer, 1);
  EXPECT_EQ(read("\x80\x02\x89."s).top().kind, PickleKind::boolean);
  EXPECT_EQ(integer_in("K\xff"), 255);
  EXPECT_EQ(integer_in("M\x34\x12"), 0x1234);
  EXPECT_EQ(integer_in("J\xfe\xff\xff\xff"), -2);
  // struct.pack('>d', -1.5)
  EXPECT_EQ(read("\x80\x02G\xbf\xf8\0\0\0\0\0\0."s).top().real, -1.5);
  EXPECT_EQ(read(pickle::whole(pickle::text("h\xc3\xa9"))).top().text, "h\xc3\xa9");
}

// pickle.dumps(n, 2) of Python: LONG1 has as many bytes as the number needs.
TEST(PickleReader, ReadsLongIntegers) {
  EXPECT_EQ(integer_in("\x8a\x00"s), 0);
  EXPECT_EQ(integer_in("\x8a\x05\x00\x00\x00\x00\x01"s), std::int64_t{1} << 32);
  EXPECT_EQ(integer_in("\x8a\x05\x00\x00\x00\x00\xff"s), -(std::int64_t{1} << 32));
  EXPECT_EQ(integer_in(pickle::long_integer(INT64_MIN)), INT64_MIN);
  EXPECT_EQ(read(pickle::whole("\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00"s)).top().kind,
            PickleKind::big_integer);
}

TEST(PickleReader, ReadsContainers) {
  // {'a': (1, [2]), 'b': (), 'a': 3}; Python keeps the last 'a'.
  const Pickle pickle =
      read(pickle::whole(pickle::dict({{"a", "K\x01](K\x02" + "e\x86"s}, {"b", ")"}, {"a", "K\x03"}})));
  EXPECT_EQ(pickle.top().kind, PickleKind::dict);
  EXPECT_EQ(pickle.find(pickle.top(), "a")->integer, 3);
  EXPECT_TRUE(pickle.find(pickle.top(), "b")->items.empty());
  EXPECT_EQ(pickle.find(pickle.top(), "c"), nullptr);
  const PickleValue& first = pickle.at(pickle.top().items[1]);
  ASSERT_EQ(first.items.size(), 2U);
  EXPECT_EQ(pickle.at(pickle.at(first.items[1]).items[0]).integer, 2);
}

TEST(PickleReader, ReadsProtocols2To5) {
  for (const char protocol : {'\x02', '\x03', '\x04', '\x05'}) {
    EXPECT_EQ(read("\x80"s + protocol + "N.").top().kind, PickleKind::none);
  }
  EXPECT_THAT(error_of(ErrorKind::unsupported, "\x80\x01N."),
              HasSubstr("expected pickle protocol 2 to 5, found 1"));
  EXPECT_THAT(error_of(ErrorKind::unsupported, "\x80\x06N."), HasSubstr("found 6"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, "N."), HasSubstr("not a pickle"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, ""), HasSubstr("not a pickle"));
  // pickle.dumps(collections.OrderedDict(a=1), 4)
  const Pickle pickle = read(
      "\x80\x04\x95\x28\0\0\0\0\0\0\0\x8c\x0b"
      "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94\x8c\x01"
      "a\x94K\x01s."s);
  EXPECT_EQ(pickle.find(pickle.top(), "a")->integer, 1);
}

TEST(PickleReader, DescribesTensors) {
  const Pickle pickle = read(pickle::whole(pickle::tensor({.key = "12",
                                                           .type = "HalfStorage",
                                                           .elements = 24,
                                                           .offset = 4,
                                                           .sizes = {2, 3},
                                                           .strides = {1, 2}})));
  ASSERT_EQ(pickle.top().kind, PickleKind::tensor);
  const PickleTensor& tensor = pickle.tensors.at(0);
  EXPECT_EQ(tensor.offset, 4);
  EXPECT_EQ(pickle.at(pickle.at(tensor.sizes).items[1]).integer, 3);
  EXPECT_EQ(pickle.at(pickle.at(tensor.strides).items[0]).integer, 1);
  const PickleStorage& storage = pickle.storages.at(tensor.storage);
  EXPECT_EQ(storage.dtype, DType::f16);
  EXPECT_EQ(storage.key, "12");
  EXPECT_EQ(storage.elements, 24);
}

TEST(PickleReader, AParameterIsItsTensor) {
  const Pickle pickle =
      read(pickle::whole(pickle::global("torch._utils", "_rebuild_parameter") +
                         pickle::tuple({pickle::tensor(), "\x88", pickle::ordered_dict({})}) + "R"));
  EXPECT_EQ(pickle.top().kind, PickleKind::tensor);
}

TEST(PickleReader, LeavesAttributesOut) {
  const Pickle pickle = read(pickle::whole(pickle::ordered_dict({{"w", "K\x01"}}) +
                                           pickle::dict({{"_metadata", pickle::ordered_dict({})}}) + "b"));
  EXPECT_EQ(pickle.top().items.size(), 2U);
}

// --- hostile pickles -----------------------------------------------------------------------------

TEST(PickleReader, RefusesEveryOtherGlobalByName) {
  const std::string system = pickle::global("os", "system") + pickle::tuple({pickle::text("id")}) + "R";
  EXPECT_THAT(error_of(ErrorKind::unsupported, pickle::whole(system)),
              HasSubstr("data.pkl: os system: not one of the types a checkpoint may contain"));
  EXPECT_THAT(error_of(ErrorKind::unsupported,
                       pickle::whole(pickle::text("posix") + pickle::text("system") + "\x93")),
              HasSubstr("posix system: not one of"));
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"builtins", "eval"},
                                                        {"__builtin__", "getattr"},
                                                        {"numpy.core.multiarray", "scalar"},
                                                        {"torch", "load"},
                                                        {"torch", "ComplexFloatStorage"},
                                                        {"torch._utils", "_rebuild_tensor_v2.__globals__"},
                                                        {"collections", "OrderedDict.__init__"},
                                                        {"", ""}}) {
    EXPECT_THAT(error_of(ErrorKind::unsupported, pickle::whole(pickle::global(module, name))),
                HasSubstr(module + " " + name + ": not one of the types"));
  }
}

TEST(PickleReader, RefusesGlobalsInPartsThatAreNotWanted) {
  const std::string body = pickle::dict({{"state_dict", pickle::ordered_dict({{"w", pickle::tensor()}})},
                                         {"args", pickle::global("argparse", "Namespace") + ")R"}});
  EXPECT_THAT(error_of(ErrorKind::unsupported, pickle::whole(body)), HasSubstr("argparse Namespace"));
}

TEST(PickleReader, EveryByteIsAKnownOpcodeOrAnError) {
  // Those of the protocols that a checkpoint has no need of, by pickletools: INT LONG FLOAT STRING UNICODE
  // BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES DUP GET PUT PERSID INST OBJ NEWOBJ NEWOBJ_EX EXT1 EXT2
  // EXT4 LONG4 BINBYTES8 BYTEARRAY8 NEXT_BUFFER READONLY_BUFFER EMPTY_SET ADDITEMS FROZENSET
  const std::string refused = "ILFSVTUBC2gpPio\x81\x92\x82\x83\x84\x8b\x8e\x96\x97\x98\x8f\x90\x91";
  for (int byte = 0; byte < 256; ++byte) {
    const char opcode = static_cast<char>(byte);
    if (refused.find(opcode) != std::string::npos) {
      EXPECT_THAT(error_of(ErrorKind::unsupported, "\x80\x02"s + opcode + "....."s),
                  HasSubstr(fmt::format("opcode 0x{:02x}", byte)));
    } else if (opcode != '.') {
      EXPECT_THROW(read("\x80\x02"s + opcode), Error) << byte;
    }
  }
  EXPECT_THAT(error_of(ErrorKind::unsupported, "\x80\x02(S'id'\nios\nsystem\n."),
              HasSubstr("opcode 0x53 ('S')"));
}

TEST(PickleReader, CallsOnlyWhatTheGlobalsAllow) {
  const std::string od = pickle::global("collections", "OrderedDict");
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(od + "N\x85R")),
              HasSubstr("OrderedDict: expected a list"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(od + "NN\x86R")), HasSubstr("at most one argument"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(od + "NR")),
              HasSubstr("expected a tuple, found None"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole("N)R")), HasSubstr("expected a type, found None"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(pickle::global("torch", "FloatStorage") + ")R")),
              HasSubstr("a storage that is made by a call"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(od + "N)R")), HasSubstr("expected a type"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(od + pickle::tuple({repeated("N", 9)}) + "R")),
              HasSubstr("a call with 9 arguments"));
  const std::string rebuild = pickle::global("torch._utils", "_rebuild_tensor_v2");
  EXPECT_THAT(
      error_of(ErrorKind::corrupt, pickle::whole(rebuild + pickle::tuple({"N", "N", "N", "N"}) + "R")),
      HasSubstr("expected a storage, found None"));
  EXPECT_THAT(error_of(ErrorKind::corrupt,
                       pickle::whole(pickle::global("torch._utils", "_rebuild_parameter") + "NNN\x87R")),
              HasSubstr("expected (tensor"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole("]}b")), HasSubstr("attributes of a list"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole("}Nb")), HasSubstr("expected a dict, found None"));
}

TEST(PickleReader, RefusesOtherPersistentIds) {
  const auto with = [](const std::string& id) { return pickle::whole(id + "Q"); };
  const std::string type = pickle::global("torch", "FloatStorage");
  for (const std::string& id :
       {pickle::text("0"s), pickle::tuple({}), pickle::tuple({pickle::text("module"), type, "N", "N", "N"}),
        pickle::tuple({pickle::text("storage"), type, pickle::text("0"), "N", "K\x01"}),
        pickle::tuple({pickle::text("storage"), type, pickle::text("0"), pickle::text("cpu"), "N"}),
        pickle::tuple({pickle::text("storage"), pickle::text("FloatStorage"), pickle::text("0"),
                       pickle::text("cpu"), "K\x01"}),
        pickle::tuple({pickle::text("storage"), type, pickle::text(std::string(300, '0')),
                       pickle::text("cpu"), "K\x01"})}) {
    EXPECT_THAT(error_of(ErrorKind::corrupt, with(id)), HasSubstr("data.pkl: byte"));
  }
}

TEST(PickleReader, BoundsNesting) {
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(repeated("(", 1'000'000))),
              HasSubstr("nested over 100 deep"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(repeated("]", 100'000) + repeated("a", 99'999))),
              HasSubstr("nested over 100 deep"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole("N" + repeated("\x85", 100'000))),
              HasSubstr("nested over 100 deep"));
  EXPECT_EQ(read(pickle::whole("N" + repeated("\x85", 100))).top().depth, 100U);
}

// Level k holds level k-1 twice: 2^90 leaves when written out, 90 values here.
TEST(PickleReader, SharesWhatTheMemoShares) {
  const auto get = [](int index) { return "h"s + static_cast<char>(index); };
  const auto put_and_pop = [](int index) { return "q"s + static_cast<char>(index) + "0"; };
  std::string body = "N" + put_and_pop(0);
  for (int level = 1; level <= 90; ++level)
    body += get(level - 1) + get(level - 1) + "\x86" + put_and_pop(level);
  const auto begin = std::chrono::steady_clock::now();
  const Pickle pickle = read(pickle::whole(body + get(90)));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_EQ(pickle.values.size(), 91U);
}

TEST(PickleReader, AValueMayContainItself) {
  const Pickle pickle = read("\x80\x02]q\0h\0a."s);
  EXPECT_EQ(pickle.top().items, std::vector<PickleId>{pickle.root});
}

TEST(PickleReader, BoundsTheMemoAndTheObjects) {
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x80\x02Nr\xff\xff\xff\xff."),
              HasSubstr("memo index 4294967295 in 9 bytes"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x80\x02h\x05."), HasSubstr("memo index 5 was never set"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, pickle::whole(repeated("N0", kMaxPickleObjects + 1))),
              HasSubstr("more than 1048576 objects"));
}

TEST(PickleReader, RefusesLengthsBeyondTheInput) {
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x80\x02X\xff\xff\xff\xff"),
              HasSubstr("4294967295 bytes expected, 0 left"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff"),
              HasSubstr("cut off"));
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN."),
              HasSubstr("a frame of"));
  EXPECT_THAT(error_of(ErrorKind::corrupt,
                       "\x80\x02"
                       "cos"),
              HasSubstr("cut off in a name"));
}

TEST(PickleReader, KeepsTheStackInOrder) {
  for (const std::string& body :
       {"t"s,   "0"s,    "u"s,   "a"s,  "N(a"s, "N(\x85"s, "}(Nu"s, "}(NNe"s, "](NNu"s, "(Nd"s,
        "q\1"s, "(q\1"s, "N(N"s, "NN"s, ""s,    "R"s,      "b"s,    "Q"s,     "\x93"s,  "(N\x93"s}) {
    EXPECT_THROW(read(pickle::whole(body)), Error) << testing::PrintToString(body);
  }
  EXPECT_THAT(error_of(ErrorKind::corrupt, "\x80\x02N.N"), HasSubstr("1 bytes after the end"));
}

TEST(PickleReader, EveryCutOffPickleIsAnError) {
  const std::string bytes =
      pickle::whole(pickle::dict({{"state_dict", pickle::ordered_dict({{"w", pickle::tensor()}})}}));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(read(bytes.substr(0, size)), Error) << size;
  }
  EXPECT_EQ(read(bytes).tensors.size(), 1U);
}

TEST(PickleReader, RefusesTooLargeAPickle) {
  EXPECT_THAT(message_of(ErrorKind::corrupt,
                         [] {
                           read_pickle({static_cast<const std::byte*>(nullptr), kMaxPickleBytes + 1}, "p");
                         }),
              HasSubstr("expected a pickle of at most"));
}

}  // namespace
}  // namespace lpmc::test
