"""A folder of headers, one static library and programs, for builds that do not use Bazel."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")

def _is_ours(label):
    return not label.workspace_name

def _install_tree_impl(ctx):
    lines, inputs = [], []
    for dep in ctx.attr.deps:
        for linked in dep[CcInfo].linking_context.linker_inputs.to_list():
            if _is_ours(linked.owner):
                archives = [lib.pic_static_library or lib.static_library for lib in linked.libraries]
                lines += ["archive " + archive.path for archive in archives]
                inputs += archives
        for header in dep[CcInfo].compilation_context.headers.to_list():
            if _is_ours(header.owner):
                lines.append("header %s %s" % (header.short_path, header.path))
                inputs.append(header)
    for source, place in ctx.attr.files.items():
        lines.append("file %s %s" % (place, source.files.to_list()[0].path))
        inputs += source.files.to_list()
    lines += ["interface " + name for name in ctx.attr.interface]

    parts = ctx.actions.declare_file(ctx.label.name + ".parts")
    ctx.actions.write(parts, "".join([line + "\n" for line in depset(lines).to_list()]))
    tree = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run(
        executable = ctx.executable._make_tree,
        arguments = [parts.path, tree.path],
        inputs = inputs + [parts],
        outputs = [tree],
        mnemonic = "InstallTree",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([tree]), runfiles = ctx.runfiles(files = [tree]))]

install_tree = rule(
    implementation = _install_tree_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo], doc = "all that the library has"),
        "files": attr.label_keyed_string_dict(allow_files = True, doc = "other files, to their places"),
        "interface": attr.string_list(doc = "headers, installed with those of ours that they include"),
        "_make_tree": attr.label(default = ":make_tree", executable = True, cfg = "exec"),
    },
)
