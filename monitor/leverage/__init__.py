"""Recursive leverage, from what a ledger and its blocks' transfers tell. Pure: no prices decide.

Where to begin, by question:

- Whose is an account? `owners`; `account_code` is the code whose word is believed.
- Where did borrowed money go? `flows` follows it block by block: `steps` is what it is told (made
  of logs by `transfers` and `native`, shortened by `acts`), `matching` says which money of a
  transaction (`money`) paid for what, `settlement` ends a block.
- Which loops are there? `loops` puts them together from `standings`: by flow (`arcs`, drawn by
  `paths`) or by state (`pairings`); `kinds` names them, `concentration` says which of them count.
- Which assets are pegged? `ties`, made of `tie_facts`.
- What is a claim on what? `claims`; `stakes` is what a vault has, `foundation` what all rests on.
- When does it break, what does it earn? `breaks` over `leaves` (what moves a price); `measures`.

`groups` joins what belongs together. What is kept of it in the ledger is in `core`: `owners`,
`trails`, `loops`. `engine/recursion` runs it block by block, `engine/loop_book` shows it.
"""
