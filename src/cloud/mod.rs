//! Alibaba Cloud over HTTP. Knows nothing of the model.
