"""The parser of the command: its help starts with worked examples."""
import argparse
import textwrap


class ExampleParser(argparse.ArgumentParser):
    """A parser whose help starts with worked examples."""

    examples: str = ''

    def format_help(self) -> str:
        """Put the examples before everything else."""
        return f'examples:\n{textwrap.indent(self.examples, "  ")}\n{super().format_help()}'
