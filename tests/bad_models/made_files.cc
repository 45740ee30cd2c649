#include "tests/bad_models/made_files.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/testing/wire.h"

namespace flowgrad {
namespace {

std::string Text(absl::string_view graph) {
  return absl::StrCat("format_version: 1\ngraph {\n", graph, "}\n");
}

// A field of GraphDef.
std::string ReluNode(absl::string_view name, absl::string_view input) {
  return Field(5, absl::StrCat(Field(1, name), Field(2, "Relu"), Field(3, input)));
}

std::string CycleOf(int count) {
  std::string nodes;
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&nodes, "node { name: \"n", i, "\" op: \"Relu\" input: \"n",
                    (i + count - 1) % count, "\" }\n");
  }
  return Text(nodes);
}

// Nodes that each read what does not exist.
std::string ManyMistakes(int count) {
  std::string graph;
  for (int i = 0; i < count; ++i)
    graph += ReluNode(absl::StrCat("n", i), absl::StrCat("missing", i));
  return WithGraph(graph);
}

std::vector<std::string> FirstMistakes(int count, int more) {
  std::vector<std::string> errors;
  for (int i = 0; i < count; ++i) {
    errors.push_back(
        absl::StrCat(": node \"n", i, "\" (Relu): input \"missing", i, "\" names no value"));
  }
  errors.push_back(absl::StrCat(": and ", more, " more errors"));
  return errors;
}

}  // namespace

std::vector<BadFile> MadeFiles() {
  const std::string graph =
      absl::StrCat(Field(1, "relu"), Field(2, absl::StrCat(Field(1, "x"), Field(2, "float[N]"))),
                   ReluNode("y", "x"));
  const std::string relu = WithGraph(graph);
  const std::string long_name(1025, 'a');
  const std::string cut_name = absl::StrCat("\"", std::string(76, 'a'), "...\"");
  return {
      {"empty.pbtxt", "check", "", {": file is empty"}},
      {"empty.pb", "check", "", {": file is empty"}},
      {"blank.pbtxt", "check", " \n\n", {": `format_version: 1` is missing"}},
      {"html.pbtxt",
       "check",
       "<!DOCTYPE html>\n<html><body>404</body></html>\n",
       {": is not a model file: it looks like an HTML page"}},
      {"json.pbtxt",
       "check",
       "{\"format_version\": 1}",
       {": is not a model file: it looks like JSON"}},
      {"git_lfs_pointer.pb",
       "check",
       "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
       {": is not a model file: it looks like a Git LFS pointer; fetch the file itself with git "
        "lfs pull"}},
      {"onnx.pb",
       "check",
       absl::StrCat("\x08\x07", Field(2, "pytorch"), Field(7, "\x0a"), Field(8, "\x10\x11")),
       {": is not a model file: it looks like an ONNX model; flowgrad convert reads those"}},
      {"zip.pb", "check", "PK\x03\x04", {": is not a model file: it looks like a ZIP archive"}},
      {"prose.pbtxt",
       "check",
       "This is not a model.\n",
       {":1: \"ModelDef\" has no field \"This\""}},
      {"not_utf8.pbtxt",
       "check",
       "format_version: 1\n# \xff\n",
       {":2: is not a model file: this line is not UTF-8 text"}},
      {"nested_10000_deep.pbtxt",
       "check",
       absl::StrCat("format_version: 1 graph { node ", Repeated("{ attribute ", 10000)),
       {":1: \"AttributeDef\" has no field \"attribute\""}},
      {"nested_10000_deep_in_unknown_fields.pbtxt",
       "check",
       absl::StrCat("format_version: 1 a ", Repeated("{ a ", 10000)),
       {":1: \"ModelDef\" has no field \"a\""}},
      {"truncated.pb",
       "check",
       relu.substr(0, relu.size() - 1),
       {absl::StrCat(": the model is damaged or cut off at byte 2 of ", relu.size() - 1)}},
      {"truncated_node.pb",
       "check",
       WithGraph(graph.substr(0, graph.size() - 1)),
       {absl::StrCat(": graph is damaged or cut off at byte 21 of ", graph.size() - 1)}},
      {"random.pb",
       "check",
       "\x06\xde\xad\xbe\xef",
       {": the model is damaged or cut off at byte 0 of 5"}},
      {"unknown_field.pb",
       "check",
       absl::StrCat(relu, Field(15, "?")),
       {": the model has the unknown field 15"}},
      {"unknown_field_of_a_node.pb",
       "check",
       WithGraph(absl::StrCat(graph, Field(5, Field(12, "?")))),
       {": graph.node[1] has the unknown field 12"}},
      {"wrong_wire_type.pb",
       "check",
       absl::StrCat(absl::string_view("\x08\x01\x10\x01", 4)),
       {": graph is damaged: it has wire type 0 and not 2"}},
      {"graph_twice.pb", "check", absl::StrCat(relu, Field(2, graph)), {": graph is set twice"}},
      {"length_of_2_gib.pb",
       "check",
       absl::string_view("\x08\x01\x12\xff\xff\xff\xff\x07").data(),
       {": the model is damaged or cut off at byte 2 of 8"}},
      {"name_not_utf8.pb",
       "check",
       WithGraph(Field(5, Field(1, "\xff"))),
       {": graph.node[0].name is not UTF-8: \"\\xff\""}},
      {"version_missing.pb", "check", Field(2, graph), {": `format_version: 1` is missing"}},
      {"version_2.pb",
       "check",
       absl::StrCat("\x08\x02", Field(2, graph), Field(9, "new")),
       {": has format_version 2, but this program knows version 1"}},
      {"cycle_of_1000.pbtxt",
       "check",
       CycleOf(1000),
       {": graph has a cycle: \"n0\" -> \"n1\" -> \"n2\" -> \"n3\" -> \"n4\" -> \"n5\" -> \"n6\" "
        "-> \"n7\" -> ... 992 more -> \"n0\""}},
      {"name_too_long.pbtxt",
       "check",
       Text(absl::StrCat("input { name: \"", long_name, "\" type: \"float[2]\" }\n")),
       {absl::StrCat(": value ", cut_name, ": name ", cut_name,
                     " must be 1 to 1024 bytes of UTF-8 without spaces, quotes and control "
                     "characters")}},
      {"type_of_a_megabyte.pbtxt",
       "check",
       Text(absl::StrCat("input { name: \"x\" type: \"float[", Repeated("1,", 500000), "1]\" }\n")),
       {absl::StrCat(": input \"x\": type \"float[", Repeated("1,", 35), "...\" has more than 8 ",
                     "dims")}},
      {"op_of_a_megabyte.pbtxt",
       "check",
       Text(absl::StrCat("node { name: \"y\" op: \"%n%s", Repeated("%n", 500000), "\" }\n")),
       {absl::StrCat(": node \"y\" (%n%s", Repeated("%n", 38), "): op \"%n%s", Repeated("%n", 36),
                     "...\" is not registered")}},
      {"sampling_of_an_unknown_number.pb",
       "train",
       absl::StrCat(relu, Field(3, "\x58\x07")),
       {": training.loss is missing: name the value to be made small",
        ": training.batch_size must be 1 or more, but is 0",
        ": training must give epochs or steps, 1 or more, but gives neither",
        ": training.sampling must be SHUFFLED, WITH_REPLACEMENT or IN_ORDER, but is number 7",
        ": training.data must say where the samples come from: set, csv, idx, npy or text"}},
      {"attributes_257.pbtxt",
       "check",
       Text(absl::StrCat("node {\nname: \"y\"\n", Repeated("attribute { }\n", 257), "}\n")),
       {": graph.node[0] has more than 256 of field \"attribute\""}},
      {"nodes_1000001.pb",
       "check",
       WithGraph(Repeated(Field(5, ""), 1000001)),
       {": graph has more than 1000000 of field \"node\""}},
      {"mistakes_100000.pb", "check", ManyMistakes(100000), FirstMistakes(49, 951)},
  };
}

}  // namespace flowgrad
