"""Critics under the magnifying glass: surrogates trained, language models compared with the rule and with themselves."""
