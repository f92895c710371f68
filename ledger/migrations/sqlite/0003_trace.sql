-- The value chain says where: the places that a code owns, without looking at all places.
CREATE INDEX grid_owner ON grid (owner, number);
