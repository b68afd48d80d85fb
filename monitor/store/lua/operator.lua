-- Put before what an operator does beside the running daemon: it needs no fence, for it decides
-- nothing that the daemon holds in memory.
local op = cjson.decode(ARGV[1])
