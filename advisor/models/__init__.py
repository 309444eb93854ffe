"""Who answers: models in this process or behind an API, and the protocol that all of them speak."""
