variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "roles" {
  description = "Roles of the database that get a password."
  type        = list(string)
}

variable "password_version" {
  description = "Raise it to make new passwords; then run the task `rights` and replace the tasks."
  type        = number
}

variable "key_lists" {
  description = "Names of lists of keys, which begin empty and are filled by hand."
  type        = list(string)
}

variable "recovery_days" {
  description = "For how long a removed secret can be brought back."
  type        = number
}
