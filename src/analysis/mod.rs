//! Judgements from an inventory: who can reach what. Pure.
