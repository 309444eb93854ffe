"""Who answers: models in this process, and the protocol that all of them speak."""
