"""From a description in words to an expert that was checked: model, retrieval, code, correction, integration."""
