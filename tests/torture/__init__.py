"""The real command under random murder, before a real chain and receiver; at the end a proof."""
