//! Rules as data: schema, loading, facts, evaluation, examples. Pure: rules arrive as text.
