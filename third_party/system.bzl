"""External repositories made from libraries that the operating system has installed.

Nothing is downloaded. Each repository has the name and the target labels that
the same library has in the Bazel Central Registry, so the BUILD files of this
project do not care where a library comes from.
"""

_PUBLIC = """load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])
"""

_CC_LIBRARY = """
cc_library(
    name = {name},
    hdrs = glob({hdrs}),
    includes = {includes},
    linkopts = {linkopts},
    deps = {deps},
)
"""

def _shared_libraries(ctx, directory, prefix):
    """Linker flags for every lib<prefix>*.so in a directory, each kept only if it is used."""
    names = [entry.basename for entry in ctx.path(directory).readdir()]
    names = sorted([n[3:-3] for n in names if n.startswith("lib" + prefix) and n.endswith(".so")])
    return ["-Wl,--push-state,--as-needed"] + ["-l" + n for n in names] + ["-Wl,--pop-state"]

def _system_library_impl(ctx):
    multiarch = ctx.execute(["uname", "-m"]).stdout.strip() + "-linux-gnu"
    found = ctx.path(ctx.attr.probe.format(multiarch = multiarch)).exists
    if not found and not ctx.attr.optional:
        fail("%s is not installed: run ./bazelw, or apt-get install %s" % (ctx.name, ctx.attr.deb))
    includes = []
    if found and ctx.attr.include:
        ctx.symlink(ctx.attr.include.format(multiarch = multiarch), "include")
        includes = ["include"]
    packages = {"": _PUBLIC}
    for label, flags in ctx.attr.targets.items():
        package, name = label.split(":")
        linkopts, deps = [], []
        if flags.startswith("//"):
            deps = [flags]
        elif found and flags.endswith("*"):
            linkopts = _shared_libraries(ctx, "/usr/lib/" + multiarch, flags[2:-1])
        elif found and flags:
            linkopts = flags.split(" ")
        packages[package] = packages.get(package, _PUBLIC) + _CC_LIBRARY.format(
            name = repr(name),
            hdrs = repr([i + "/**" for i in includes]),
            includes = repr(includes),
            linkopts = repr(linkopts),
            deps = repr(deps),
        )
    packages[""] += ctx.attr.build
    for package, text in packages.items():
        ctx.file(package + "/BUILD.bazel" if package else "BUILD.bazel", text)
    for path, text in ctx.attr.files.items():
        ctx.file(path, text)
    for path, target in ctx.attr.links.items():
        ctx.symlink(target, path)
    ctx.file("installed.bzl", "INSTALLED = %s\n" % found)

system_library = repository_rule(
    implementation = _system_library_impl,
    attrs = {
        "deb": attr.string(doc = "Debian package, for the error message"),
        "probe": attr.string(doc = "a file that is there when the library is installed"),
        "include": attr.string(doc = "directory of headers, where it is not /usr/include"),
        "targets": attr.string_dict(doc = "package:target to linker flags (-lfoo*: every libfoo*.so that is used), or to the target that has them"),
        "optional": attr.bool(doc = "make empty targets instead of failing"),
        "build": attr.string(doc = "text for the end of the top BUILD file"),
        "files": attr.string_dict(doc = "more files to write, path to text"),
        "links": attr.string_dict(doc = "symbolic links to make, path to target"),
    },
    local = True,
)

_FETCH_SOURCE = """
set -euo pipefail
mkdir -p apt/parts apt/lists/partial
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ ! -f "$file" ] || sed -n 's/^deb /deb-src /p' "$file" >> apt/parts/all.list
done
for file in /etc/apt/sources.list.d/*.sources; do
  [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" > "apt/parts/${file##*/}"
done
apt=(apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$PWD/apt/parts" -o Dir::State::lists="$PWD/apt/lists")
"${apt[@]}" update
"${apt[@]}" source --download-only "$1"
tar -xf ./*.orig.tar.* --strip-components=1
rm -rf apt ./*.orig.tar.* ./*.debian.tar.* ./*.dsc
"""

def _debian_source_impl(ctx):
    result = ctx.execute(["bash", "-c", _FETCH_SOURCE, "fetch", ctx.attr.package], timeout = 600)
    if result.return_code:
        fail("no source of Debian package %s:\n%s" % (ctx.attr.package, result.stderr))
    ctx.file("BUILD.bazel", _PUBLIC + ctx.attr.build)

debian_source = repository_rule(
    implementation = _debian_source_impl,
    attrs = {
        "package": attr.string(doc = "a Debian source package; what apt-get source gives, unpatched"),
        "build": attr.string(doc = "text of the top BUILD file"),
    },
)

def _files_impl(ctx):
    for path, text in ctx.attr.files.items():
        ctx.file(path, text)

files_repository = repository_rule(
    implementation = _files_impl,
    attrs = {"files": attr.string_dict()},
)

def _reexport(*rules):
    return "".join(["{0} = native.{0}\n".format(r) for r in rules])

# ThreadSanitizer has to see inside the library, or it takes every message for a race.
_ONETBB_BUILD = """
alias(
    name = "tbb",
    actual = select({
        "@//third_party:tsan": "@onetbb_source//:tbb",
        "//conditions:default": ":system",
    }),
)
"""

_ONETBB_SOURCE_BUILD = """
cc_library(
    name = "tbb",
    srcs = glob(["src/tbb/*.cpp", "src/tbb/**/*.h"]),
    hdrs = glob(["include/**"]),
    copts = ["-w"] + select({
        "@platforms//cpu:x86_64": ["-mrtm", "-mwaitpkg"],
        "//conditions:default": [],
    }),
    includes = ["include"],
    linkopts = ["-ldl", "-lpthread"],
    local_defines = ["__TBB_BUILD", "__TBB_DYNAMIC_LOAD_ENABLED=0"],
)
"""

# The .proto files whose C++ code is inside the protobuf library.
_WELL_KNOWN = ["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"]

_PROTOBUF_BUILD = """
exports_files(["protoc"])

proto_lang_toolchain(
    name = "cc_toolchain",
    blacklisted_protos = [{protos}],
    command_line = "--cpp_out=$(OUT)",
    runtime = ":protobuf",
)
""".format(protos = ", ".join(['":%s_proto"' % p for p in _WELL_KNOWN])) + "".join(["""
proto_library(
    name = "{0}_proto",
    srcs = ["include/google/protobuf/{0}.proto"],
    strip_import_prefix = "include",
)
""".format(p) for p in _WELL_KNOWN])

def _libraries():
    system_library(
        name = "onetbb",
        deb = "libtbb-dev",
        probe = "/usr/include/oneapi/tbb/version.h",
        targets = {":system": "-ltbb"},
        build = _ONETBB_BUILD,
    )
    debian_source(
        name = "onetbb_source",
        package = "onetbb",
        build = _ONETBB_SOURCE_BUILD,
    )
    system_library(
        name = "eigen",
        deb = "libeigen3-dev",
        probe = "/usr/include/eigen3/Eigen/Core",
        include = "/usr/include/eigen3",
        targets = {":eigen": ""},
    )
    system_library(
        name = "com_google_absl",
        deb = "libabsl-dev",
        probe = "/usr/include/absl/base/config.h",
        targets = dict([(":libs", "-labsl_*")] + [("absl/" + t, "//:libs") for t in [
            "base:core_headers",
            "cleanup:cleanup",
            "container:btree",
            "container:flat_hash_map",
            "container:flat_hash_set",
            "container:inlined_vector",
            "flags:flag",
            "flags:parse",
            "functional:any_invocable",
            "functional:function_ref",
            "hash:hash",
            "status:status",
            "status:statusor",
            "strings:str_format",
            "strings:strings",
            "synchronization:synchronization",
            "time:time",
            "types:span",
        ]]),
    )
    system_library(
        name = "com_google_googletest",
        deb = "libgtest-dev libgmock-dev",
        probe = "/usr/include/gmock/gmock.h",
        targets = {
            ":gtest": "-lgmock -lgtest -lpthread",
            ":gtest_main": "-lgmock_main -lgmock -lgtest -lpthread",
        },
    )
    system_library(
        name = "com_github_google_benchmark",
        deb = "libbenchmark-dev",
        probe = "/usr/include/benchmark/benchmark.h",
        targets = {
            ":benchmark": "-lbenchmark -lpthread",
            ":benchmark_main": "-lbenchmark_main -lbenchmark -lpthread",
        },
    )
    system_library(
        name = "com_google_protobuf",
        deb = "libprotobuf-dev protobuf-compiler",
        probe = "/usr/include/google/protobuf/message.h",
        targets = {":protobuf": "-lprotobuf -lpthread"},
        build = _PROTOBUF_BUILD,
        files = {
            "bazel/BUILD.bazel": "",
            "bazel/cc_proto_library.bzl": _reexport("cc_proto_library"),
            "bazel/proto_library.bzl": _reexport("proto_library"),
        },
        links = {"protoc": "/usr/bin/protoc", "include/google": "/usr/include/google"},
    )
    system_library(
        name = "cli11",
        deb = "libcli11-dev",
        probe = "/usr/include/CLI/CLI.hpp",
        targets = {":cli11": ""},
    )
    # CRC-32C.
    system_library(
        name = "isal",
        deb = "libisal-dev",
        probe = "/usr/include/isa-l/crc.h",
        targets = {":isal": "-lisal"},
    )
    system_library(
        name = "minizip",
        deb = "libminizip-dev",
        probe = "/usr/include/minizip/unzip.h",
        targets = {":minizip": "-lminizip"},
    )
    system_library(
        name = "nlohmann_json",
        deb = "nlohmann-json3-dev",
        probe = "/usr/include/nlohmann/json.hpp",
        targets = {":json": ""},
    )
    # Only what //benchmarks measures against. It calls gcc's OpenMP library.
    system_library(
        name = "onednn",
        deb = "libdnnl-dev",
        probe = "/usr/include/dnnl.h",
        targets = {":onednn": "-ldnnl -lgomp"},
        optional = True,
    )
    system_library(
        name = "random123",
        deb = "librandom123-dev",
        probe = "/usr/include/Random123/philox.h",
        targets = {":random123": ""},
    )
    system_library(
        name = "xxhash",
        deb = "libxxhash-dev",
        probe = "/usr/include/xxhash.h",
        targets = {":xxhash": "-lxxhash"},
    )
    system_library(
        name = "zlib",
        deb = "zlib1g-dev",
        probe = "/usr/include/zlib.h",
        targets = {":zlib": "-lz"},
    )

def _rule_sets():
    """The rule sets that Bazel 4 would download, each made of Bazel's built-in rules."""
    files_repository(
        name = "rules_cc",
        files = {
            "cc/BUILD.bazel": "",
            "cc/common/BUILD.bazel": "",
            "cc/common/builtin.bzl": "BuiltinCcInfo = CcInfo\n",
            "cc/common/cc_info.bzl": 'load(":builtin.bzl", "BuiltinCcInfo")\nCcInfo = BuiltinCcInfo\n',
            "cc/defs.bzl": _reexport("cc_binary", "cc_import", "cc_library", "cc_test", "cc_toolchain", "cc_toolchain_suite"),
        },
    )
    files_repository(
        name = "rules_java",
        files = {
            "java/BUILD.bazel": "",
            "java/defs.bzl": _reexport("java_binary", "java_import", "java_library", "java_runtime", "java_toolchain"),
        },
    )
    files_repository(
        name = "rules_shell",
        files = {
            "shell/BUILD.bazel": "",
            "shell/sh_binary.bzl": _reexport("sh_binary"),
            "shell/sh_test.bzl": _reexport("sh_test"),
        },
    )
    files_repository(
        name = "remote_coverage_tools",
        files = {"BUILD.bazel": 'filegroup(name = "coverage_report_generator", visibility = ["//visibility:public"])\n'},
    )

def system_repositories():
    """Declares every external repository, for Bazel in WORKSPACE mode."""
    _libraries()

    # Debian's Bazel is a 4.2 that gives no version. A newer one brings its own rule sets.
    if not native.bazel_version or native.bazel_version.startswith("4."):
        _rule_sets()
