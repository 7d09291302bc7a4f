"""Generates what the client has of proto/: the messages in src/deskhand/v1, and a class of calls for each service in src/deskhand/services.py."""

import pathlib
import re
import shutil
import tempfile

import grpc_tools
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[1] / "proto"
PACKAGE = HERE / "src" / "deskhand"
# The field numbers of services in a file, and of methods in a service, in descriptor.proto: the path of a comment.
SERVICE, METHOD = 6, 2

HEAD = '''"""The calls of each service. Made by generate.py from proto/."""

from __future__ import annotations

from .calls import Calls, Stream
from .v1 import {modules}
'''
CLASS = '''

class {name}(Calls):
    """{comment}"""
'''
CALL = '''
    def {snake}(self, request: {input}, *, timeout: float | None = None) -> {result}:
        """{comment}"""
        return self._{kind}("/{service}/{name}", request, {output}, timeout)
'''


def comment(file, path, indent):
    """What stands above a service or call, as a docstring."""
    text = next(l.leading_comments for l in file.source_code_info.location if list(l.path) == path)
    return "\n".join(indent + line[1:] if line.strip() else "" for line in text.rstrip().splitlines()).strip().replace('"""', "'''")


def python_type(name, modules):
    return f"{modules[name]}.{name.rpartition('.')[2]}"


def main():
    shutil.rmtree(PACKAGE / "v1", ignore_errors=True)
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    with tempfile.NamedTemporaryFile() as out:
        options = [f"--python_out={HERE / 'src'}", f"--pyi_out={HERE / 'src'}", "--include_source_info", "--include_imports", f"--descriptor_set_out={out.name}"]
        included = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        if protoc.main(["protoc", f"-I{PROTO}", f"-I{included}", *options, *files]) != 0:
            raise SystemExit("protoc failed")
        described = [f for f in descriptor_pb2.FileDescriptorSet.FromString(out.read()).file if f.name in files]
    (PACKAGE / "v1" / "__init__.py").touch()

    modules = {f".{f.package}.{m.name}": f"{pathlib.Path(f.name).stem}_pb2" for f in described for m in f.message_type}
    text = HEAD.format(modules=", ".join(sorted(set(modules.values()))))
    for file in described:
        for s, service in enumerate(file.service):
            text += CLASS.format(name=service.name, comment=comment(file, [SERVICE, s], "    "))
            for m, method in enumerate(service.method):
                output = python_type(method.output_type, modules)
                text += CALL.format(
                    name=method.name,
                    snake=re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower(),
                    service=f"{file.package}.{service.name}",
                    input=python_type(method.input_type, modules),
                    output=output,
                    kind="stream" if method.server_streaming else "unary",
                    result=f"Stream[{output}]" if method.server_streaming else output,
                    comment=comment(file, [SERVICE, s, METHOD, m], "        "),
                )
    (PACKAGE / "services.py").write_text(text)


main()
