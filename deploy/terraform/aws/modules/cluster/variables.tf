variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "vpc_id" {
  description = "The network whose names the cluster adds to."
  type        = string
}

variable "domain" {
  description = "Domain, inside of the network only, of daemons that are called by name."
  type        = string
}
