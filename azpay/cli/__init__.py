"""The command line: parse, call one verb, render.

How to add a command:

1. write a plain function in a module of this folder. At its top the module imports only the standard
   library, typer and this folder, because completion and `azpay NAME --help` import it; the rest is
   imported inside the function. Its docstring is its help: a line, then `Examples:` (see `helptext`);

2. add a row to `table.TABLE`: its name, `module:function`, one line of help and a panel;

3. answer with `output.emit`, which knows `--json`, pipes and terminals; speak with `output.say`; ask with
   `prompts.confirm`. Let errors fly: `failures` turns them into words and an exit status.

`--profile`, `--json`, `--quiet`, `--verbose` and `--tz` belong to every command, and a command does not
declare them: `options.globals_of(ctx)` has what was given.
"""
